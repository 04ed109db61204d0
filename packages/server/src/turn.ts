export type Step<Subject, Value> = (subject: Subject, value: Value) => void;
/** Whose packets they are. */
export interface TurnOwner {
  /** What can still be added to; undefined from the end of the first round on. */
  _turn: Turn | undefined;
  /** One read brought so much that others should have their turn before the next. */
  giveWay(): void;
}

/** From so many packets in one read on, a connection waits for the others: about a millisecond's work. */
const PACKETS_OF_A_FLOOD = 256;

type Entry = { step: Step<unknown, unknown>; subject: unknown; value: unknown };

/**
 * What one read of a connection brought, on its way to the application, in two rounds, as in Socket.IO: first each
 * packet reaches its socket, then each event its listeners. So a DISCONNECT drops the events that came with it.
 *
 * One tick does for a whole read, where a tick for each step of each packet costs as much as decoding it. Still each
 * step stands for itself: one that throws does not keep the others from being done.
 */
export class Turn {
  readonly #owner: TurnOwner;
  readonly #packets: Entry[] = [];
  readonly #events: Entry[] = [];
  #next = 0;
  #isReceiving = true;
  #isSplit = false;

  constructor(owner: TurnOwner) {
    this.#owner = owner;
    process.nextTick(run, this);
  }

  /** For the first round. */
  receive<Subject, Value>(step: Step<Subject, Value>, subject: Subject, value: Value): void {
    this.#packets.push({ step, subject, value } as Entry);
  }

  /** For the second round. */
  dispatch<Subject, Value>(step: Step<Subject, Value>, subject: Subject, value: Value): void {
    this.#events.push({ step, subject, value } as Entry);
  }

  /** Functions of the application run in the first round: what they leave for the next tick precedes the second. */
  split(): void {
    this.#isSplit = true;
  }

  /** Called by itself, once in a tick and again after each step that throws. */
  run(): void {
    if (this.#isReceiving) {
      if (this.#next === 0 && this.#packets.length >= PACKETS_OF_A_FLOOD) this.#owner.giveWay();
      this.#do(this.#packets);
      this.#isReceiving = false;
      this.#owner._turn = undefined;
      this.#next = 0;
      if (this.#isSplit) {
        process.nextTick(run, this);
        return;
      }
    }
    this.#do(this.#events);
  }

  #do(entries: readonly Entry[]): void {
    while (this.#next < entries.length) {
      const { step, subject, value } = entries[this.#next++]!;
      step(subject, value);
    }
  }
}

function run(turn: Turn): void {
  let isDone = false;
  try {
    turn.run();
    isDone = true;
  } finally {
    if (!isDone) process.nextTick(run, turn);
  }
}
