import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { canPin } from "../lib/machine.mjs";
import { freePort } from "../recovery/processes.mjs";

/** Starts server.mjs on the first core, on a fresh folder. */
export async function start() {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const port = await freePort();
  const script = fileURLToPath(new URL("server.mjs", import.meta.url));
  const command = [process.execPath, script, "holdfast", `${port}`, folder];
  if (canPin()) command.unshift("taskset", "-c", "0");
  const child = spawn(command[0], command.slice(1), { stdio: ["pipe", "pipe", "inherit"] });
  process.on("exit", () => child.kill());
  const lines = createInterface({ input: child.stdout });
  await once(lines, "line");
  return {
    url: `http://127.0.0.1:${port}`,
    /** One command at a time. */
    async ask(line) {
      child.stdin.write(`${line}\n`);
      const [answer] = await once(lines, "line");
      return JSON.parse(answer);
    },
    async stop() {
      const closed = once(child, "close");
      child.stdin.write("quit\n");
      await closed;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
