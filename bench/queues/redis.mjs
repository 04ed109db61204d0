import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { freePort, pinned } from "../lib/processes.mjs";
import { redisBinary } from "../lib/runtimes.mjs";

/** A Redis that flushes each write to a file in the folder before it answers, on the first core. */
export async function startRedis(folder) {
  const port = await freePort();
  const options = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder];
  options.push("--appendonly", "yes", "--appendfsync", "always", "--save", "");
  const [file, ...args] = pinned("0", [redisBinary(), ...options]);
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  process.on("exit", () => child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) if (line.includes("Ready to accept connections")) break;
  child.stdout.resume();
  return {
    port,
    set: (name, value) => execFileSync("redis-cli", ["-p", `${port}`, "config", "set", name, value]),
    async stop() {
      const closed = once(child, "close");
      child.kill("SIGKILL");
      await closed;
    },
  };
}
