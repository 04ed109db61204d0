import type {
  Contribution,
  EntryAnswer,
  EntryRequest,
  EntrySender,
  EntryWork,
  Outcomes,
} from "../../src/index.ts";

export const NAMESPACE = "/";
export const ROOM = "chat";
let clockMs = 1_700_000_000_000;

/** The effect of an entry: an event in the log. */
export function effect(text: string, more: Partial<Contribution> = {}): Contribution {
  const append = {
    type: "append",
    namespace: NAMESPACE,
    rooms: [ROOM],
    payload: text,
    timeMs: clockMs++,
  } as const;
  return { operations: [append], ...more };
}

/** What an entry does, if it is to have an effect and a reply. */
export function done(text: string, more: Partial<Contribution> = {}): EntryWork {
  return { payload: `reply to ${text}`, contributions: [effect(text, more)] };
}

/** A promise and what settles it. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** One connection of a client. */
export class Connection {
  readonly runs: number[] = [];
  isHere = true;
  readonly #sender: EntrySender;

  constructor(sender: EntrySender) {
    this.#sender = sender;
  }

  /** Sends an entry and resolves with what it was answered. */
  send(
    sequence: number,
    run: () => EntryWork | Promise<EntryWork> = () => done(String(sequence)),
    { low = 1, again = false, bytes = 1 }: Partial<EntryRequest> = {},
  ): Promise<EntryAnswer> {
    const { promise, resolve } = deferred<EntryAnswer>();
    const isTaken = this.#sender.submit({
      sequence,
      low,
      again,
      bytes,
      isHere: () => this.isHere,
      run: async () => {
        this.runs.push(sequence);
        return run();
      },
      answer: resolve,
    });
    return isTaken ? promise : Promise.reject(new Error("refused"));
  }

  lose(): void {
    this.isHere = false;
    this.#sender.leave();
  }
}

export async function connect(
  outcomes: Outcomes,
  key = "key",
  { user, again = false }: { user?: string | null; again?: boolean } = {},
): Promise<Connection> {
  const sender = await outcomes.claim({ namespace: NAMESPACE, key, user, again });
  if (typeof sender === "string") throw new Error(sender);
  return new Connection(sender);
}

/** What an answer says, in a few letters. */
export function told(answer: EntryAnswer): string {
  if (answer === "unknown") return "unknown";
  if ("retryMs" in answer) return answer.code;
  return Buffer.from(answer.payload as Uint8Array).toString();
}
