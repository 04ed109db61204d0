/** What the servers that are killed have in common: they say what they are about to do, and do it until they are stopped. */
import { writeSync } from "node:fs";
import type { Server } from "node:http";

const PAUSE_MS_MAX = 20;
const BURST_MAX = 4;

/** A whole line on the standard output, written before what it announces can happen. */
export function say(line: string): void {
  writeSync(1, `${line}\n`);
}

export async function listen(http: Server, port: string): Promise<void> {
  await new Promise<void>((resolve) => http.listen(Number(port), resolve));
  say("ready");
}

/** Emits again and again, a few events at a time. */
export class Emitting {
  readonly #emitOne: () => void;
  #isStarted = false;
  #isStopped = false;

  constructor(emitOne: () => void) {
    this.#emitOne = emitOne;
  }

  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#emitSome();
  }

  /** For good, whoever connects after it. */
  stop(): void {
    this.#isStopped = true;
  }

  #emitSome(): void {
    if (this.#isStopped) return;
    for (let left = 1 + Math.floor(Math.random() * BURST_MAX); left > 0; left--) this.#emitOne();
    setTimeout(() => this.#emitSome(), Math.random() * PAUSE_MS_MAX);
  }
}
