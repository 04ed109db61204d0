import { HoldfastError } from "../errors.ts";

/** What can be ended from outside. */
interface Endable {
  reject(error: unknown): void;
}

/** The time of one handler. */
export interface Deadline {
  /** It has ended by itself. */
  stop(): void;
}

/** Ends handlers whose time is up, or all of them. */
export class Deadlines {
  readonly #running = new Set<Running>();

  start(timeoutMs: number, event: string, ending: Endable): Deadline {
    const running = new Running(this.#running, timeoutMs, event, ending);
    this.#running.add(running);
    return running;
  }

  /** Those that run now. */
  endAll(error: Error): void {
    for (const running of this.#running) running.end(error);
  }
}

class Running implements Deadline {
  readonly #all: Set<Running>;
  readonly #ending: Endable;
  readonly #timer: NodeJS.Timeout;

  constructor(all: Set<Running>, timeoutMs: number, event: string, ending: Endable) {
    this.#all = all;
    this.#ending = ending;
    this.#timer = setTimeout(onTimeout, timeoutMs, this, timeoutMs, event);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#all.delete(this);
  }

  end(error: Error): void {
    this.stop();
    this.#ending.reject(error);
  }
}

function onTimeout(running: Running, timeoutMs: number, event: string): void {
  const message = `the handler of ${JSON.stringify(event)} took longer than ${timeoutMs} ms`;
  running.end(new HoldfastError("HANDLER_TIMEOUT", message));
}
