import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { canPin } from "../lib/machine.mjs";
import { redisBinary } from "../lib/runtimes.mjs";
import { freePort } from "../recovery/processes.mjs";

/** A Redis that flushes each write to a file in the folder before it answers, on the first core. */
export async function startRedis(folder) {
  const port = await freePort();
  const command = [redisBinary(), "--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder];
  command.push("--appendonly", "yes", "--appendfsync", "always", "--save", "");
  if (canPin()) command.unshift("taskset", "-c", "0");
  const child = spawn(command[0], command.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
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
