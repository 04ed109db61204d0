import { setTimeout as delay } from "node:timers/promises";
import { type KillableProcess, kill } from "./process.ts";

const LIFE_MS_MIN = 300;
const CALM_MS = 1_500;
const BACK_MS_MAX = 90_000;

/** The lives of one server, always on the same folder: each is ended by SIGKILL. */
export class Lives {
  readonly #start: (life: number) => Promise<KillableProcess>;
  readonly #read: (line: string) => void;
  #server: KillableProcess;

  private constructor(
    start: (life: number) => Promise<KillableProcess>,
    read: (line: string) => void,
    server: KillableProcess,
  ) {
    this.#start = start;
    this.#read = read;
    this.#server = server;
  }

  /**
   * Resolves when the first one listens.
   *
   * @param start begins a life; they are counted from 1
   * @param read gets the lines that a server printed, once it is dead
   */
  static async begin(
    start: (life: number) => Promise<KillableProcess>,
    read: (line: string) => void,
  ): Promise<Lives> {
    return new Lives(start, read, await start(1));
  }

  /** @param lifeMsMax the longest time, in ms, that a server which listens is left alive */
  async pass(kills: number, lifeMsMax: number, onKill: (count: number) => void): Promise<void> {
    for (let count = 1; count <= kills; count++) {
      await delay(LIFE_MS_MIN + Math.random() * lifeMsMax);
      await this.end();
      onKill(count);
      this.#server = await this.#start(count + 1);
    }
  }

  /** Kills the last one. */
  async end(): Promise<void> {
    await kill(this.#server);
    for (const line of this.#server.lines) this.#read(line);
  }

  /** Leaves nothing running, whatever has happened. */
  abort(): void {
    this.#server.child.kill("SIGKILL");
  }
}

/** Waits until all clients are connected again. */
export async function allBack<Client>(
  clients: readonly Client[],
  isBack: (client: Client) => boolean,
): Promise<void> {
  const deadline = Date.now() + BACK_MS_MAX;
  while (!clients.every(isBack)) {
    if (Date.now() > deadline) throw new Error("not all clients came back");
    await delay(20);
  }
}

/** Stops the server's emitting, and waits until everything that is on its way has come, or never will. */
export async function calmDown(stop: () => Promise<unknown>, back: () => Promise<void>): Promise<void> {
  await back();
  await stop();
  await delay(CALM_MS);
  await back();
  await delay(CALM_MS);
}
