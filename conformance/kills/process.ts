import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";

/** A process that is to be killed: a server that listens, or a client. */
export interface KillableProcess {
  readonly child: ChildProcess;
  /** The lines that it printed whole. */
  readonly lines: string[];
}

/**
 * Runs a script on the sources; resolves when it has printed its first line, which says that it is ready.
 *
 * @param under another program, with its arguments, that runs it
 */
export async function startProcess(
  script: URL,
  args: readonly string[],
  under: readonly string[] = [],
): Promise<KillableProcess> {
  const command = [
    ...under,
    process.execPath,
    "--conditions=@holdfast/source",
    "--import",
    "tsx",
    fileURLToPath(script),
    ...args,
  ];
  const child = spawn(command[0]!, command.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  let rest = "";
  await new Promise<void>((resolve, reject) => {
    child.once("close", (code) => reject(new Error(`the process ended with ${code} before it was ready`)));
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      const pieces = (rest + text).split("\n");
      rest = pieces.pop()!;
      lines.push(...pieces);
      resolve();
    });
  });
  return { child, lines };
}

/** Kills it at once, as a power cut would, and resolves when it is gone. */
export async function kill({ child }: KillableProcess): Promise<void> {
  if (child.exitCode !== null) throw new Error(`the process ended by itself, with ${child.exitCode}`);
  const closed = once(child, "close");
  child.kill("SIGKILL");
  await closed;
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export function isAlive({ child }: KillableProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
