import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { canPin } from "./machine.mjs";

const run = promisify(execFile);
/** Clock ticks per second in /proc. */
const TICKS = 100;

/** The command, on these cores alone where that can be had: "0" for servers, "1" for who loads them, or "0,1". */
export function pinned(cores, command) {
  return canPin() ? ["taskset", "-c", cores, ...command] : command;
}

/**
 * The figures that a script prints as JSON.
 * @param {URL} script
 * @param {string[]} args
 * @param {string} [cores] default whichever the system gives
 */
export async function figuresOf(script, args = [], cores) {
  const command = [process.execPath, fileURLToPath(script), ...args];
  const [file, ...rest] = cores ? pinned(cores, command) : command;
  const env = { ...process.env, NODE_ENV: "production" };
  const { stdout } = await run(file, rest, { maxBuffer: 1e6, env });
  return JSON.parse(stdout);
}

/** Starts a script on the first core, with these arguments; resolves when it listens, and has printed its first line. */
export async function startServer(script, kind, port, folder) {
  const [file, ...args] = pinned("0", [process.execPath, fileURLToPath(script), kind, `${port}`, folder]);
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
  process.on("exit", () => child.kill());
  const lines = createInterface({ input: child.stdout });
  await once(lines, "line");
  return {
    write: (line) => child.stdin.write(`${line}\n`),
    /** One command at a time. */
    ask: async (line) => {
      child.stdin.write(`${line}\n`);
      const [answer] = await once(lines, "line");
      return JSON.parse(answer);
    },
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
