/** The workers' processes. One that ends, however it does, is replaced. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { WorkerInfo } from "./events.ts";

const names = ["Ada", "Bob", "Cleo", "Dora", "Emil", "Fay", "Gil", "Hana"];
/** How long the place of one that ended stays empty, in ms. */
const restartMs = 1_000;

export class Crew {
  readonly #members = new Map<string, WorkerInfo>();
  readonly #processes = new Map<string, ChildProcess>();
  #isClosed = false;
  #url = "";

  constructor(
    private readonly size: number,
    private readonly token: string,
    /** Node's, for the workers. */
    private readonly flags: readonly string[],
    private readonly onChange: (list: WorkerInfo[]) => void,
  ) {}

  get list(): WorkerInfo[] {
    return [...this.#members.values()];
  }

  start(url: string): void {
    this.#url = url;
    for (const name of names.slice(0, this.size)) this.#spawn(name);
  }

  /** Without a chance to tidy up. */
  kill(name: string): void {
    this.#processes.get(name)?.kill("SIGKILL");
  }

  note(name: string, task: unknown): void {
    const member = this.#members.get(name);
    if (member) this.#set({ ...member, task: typeof task === "string" ? task : undefined });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const ends = [...this.#processes.values()].map((child) => {
      const end = once(child, "close");
      child.kill();
      return end;
    });
    await Promise.all(ends);
  }

  #spawn(name: string): void {
    const script = fileURLToPath(new URL("worker.ts", import.meta.url));
    const child = spawn(process.execPath, [...this.flags, "--import", "tsx", script, this.#url, name], {
      env: { ...process.env, JOBS_TOKEN: this.token },
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#processes.set(name, child);
    this.#set({ name, pid: child.pid, task: undefined });
    child.once("close", () => {
      this.#processes.delete(name);
      if (this.#isClosed) return;
      this.#set({ name, pid: undefined, task: undefined });
      setTimeout(() => this.#isClosed || this.#spawn(name), restartMs).unref();
    });
  }

  #set(member: WorkerInfo): void {
    this.#members.set(member.name, member);
    this.onChange(this.list);
  }
}
