import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Runs a script of this folder, in a process of its own. */
export function run(script: string, args: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(script, import.meta.url));
  return spawn(process.execPath, ["--import", "tsx", path, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** A process that has stored one event and holds the folder. */
export async function runHolder(folder: string): Promise<ChildProcess> {
  const child = run("./hold-folder.ts", [folder]);
  await once(createInterface(child.stdout!), "line");
  return child;
}
