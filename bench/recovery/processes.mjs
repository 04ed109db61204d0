import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { canPin } from "../lib/machine.mjs";

const SERVER = fileURLToPath(new URL("server.mjs", import.meta.url));
/** Clock ticks per second in /proc. */
const TICKS = 100;

/** Starts server.mjs, or another script, on the first core; resolves when it listens. */
export async function startServer(kind, port, folder, script = SERVER) {
  const command = [process.execPath, script, kind, `${port}`, folder];
  if (canPin()) command.unshift("taskset", "-c", "0");
  const child = spawn(command[0], command.slice(1), { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  await once(lines, "line");
  return {
    write: (line) => child.stdin.write(`${line}\n`),
    /** CPU seconds, user and system, all threads. */
    cpu: () => {
      const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1].split(" ");
      return (Number(fields[11]) + Number(fields[12])) / TICKS;
    },
    stop: async () => {
      const closed = once(child, "close");
      child.stdin.write("quit\n");
      await closed;
    },
  };
}

export async function freePort() {
  const server = createServer().listen(0);
  await once(server, "listening");
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
