import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** The chat in a process of its own, which can be killed. */
export interface ChatProcess {
  readonly url: string;
  /** As a power cut would: without a chance to write anything. */
  kill(): Promise<void>;
}

export async function chatProcess(port: number, folder: string): Promise<ChatProcess> {
  const script = fileURLToPath(new URL("../server.ts", import.meta.url));
  const child = spawn(process.execPath, ["--conditions=@holdfast/source", "--import", "tsx", script], {
    env: { ...process.env, PORT: `${port}`, CHAT_DATA: folder },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  const [line] = await Promise.race([
    once(child.stdout, "data"),
    closed.then(([code]) => {
      throw new Error(`The chat ended with ${code}`);
    }),
  ]);
  return {
    url: `${line}`.match(/http:\S+/)![0],
    async kill() {
      child.kill("SIGKILL");
      await closed;
    },
  };
}
