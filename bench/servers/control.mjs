// How the runner speaks with a server: lines on stdin and stdout. Works in Node and in Bun.
import { createInterface } from "node:readline";

const PASSES = 4;

/** Announces that the server listens on `port`, then answers `settle` and `quit`. */
export function control(port, details = () => ({})) {
  say({ ready: port });
  createInterface({ input: process.stdin })
    .on("line", async (line) => {
      if (line === "quit") process.exit(0);
      if (line === "settle") say({ settled: true, ...(await settle()), ...details() });
    })
    .on("close", () => process.exit(0));
}

// Several passes with pauses, since finalizers and weak references need a turn of their own.
async function settle() {
  for (let pass = 0; pass < PASSES; pass++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return { heapUsed, external };
}

function collect() {
  if (globalThis.Bun) globalThis.Bun.gc(true);
  else globalThis.gc?.();
}

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
