import {
  type Contribution,
  type EntryAnswer,
  type EntryRequest,
  type EntryWork,
  isRetry,
  RetryLater,
} from "@holdfast/core";
import type { ControlAck } from "../negotiation/index.ts";
import type { Deadlines } from "./deadlines.ts";
import { type Ending, Execution, type Handling } from "./execution.ts";
import type { ReliableHost } from "./host.ts";
import type { ResolvedReliableOptions } from "./options.ts";
import { sizeOf } from "./size.ts";
import { OpenTransaction } from "./transaction.ts";
import { AGAIN, DONE, isFault, REFUSED, refusalOf, retryOf, type Verdicts } from "./verdict.ts";

/** An event of a client that takes effect once, as it came (PROTOCOL §4.3). */
export interface Entry {
  readonly sequence: number;
  readonly low: number;
  readonly again: boolean;
  readonly event: string;
  readonly args: readonly unknown[];
}

/** What requests of one server share. */
export interface RequestContext {
  readonly host: ReliableHost;
  readonly options: ResolvedReliableOptions;
  readonly verdicts: Verdicts;
  readonly deadlines: Deadlines;
}

const NOTHING: readonly Contribution[] = [];

/** An entry, from whom it came, and how it is done and answered. */
export class SocketRequest implements EntryRequest, Ending {
  readonly sequence: number;
  readonly low: number;
  readonly again: boolean;
  readonly bytes: number;
  readonly #event: string;
  readonly #args: readonly unknown[];
  readonly #context: RequestContext;
  readonly #socket: Handling;
  readonly #ack: ControlAck;
  #tx: OpenTransaction<unknown> | undefined;
  #onDone: ((work: EntryWork) => void) | undefined;

  constructor(context: RequestContext, socket: Handling, entry: Entry, ack: ControlAck) {
    this.sequence = entry.sequence;
    this.low = entry.low;
    this.again = entry.again;
    this.bytes = sizeOf(entry.args);
    this.#event = entry.event;
    this.#args = entry.args;
    this.#context = context;
    this.#socket = socket;
    this.#ack = ack;
  }

  isHere(): boolean {
    return this.#socket.connected;
  }

  run(): Promise<EntryWork> {
    const { host, options, deadlines } = this.#context;
    const about = {
      socket: this.#socket,
      event: this.#event,
      sequence: this.sequence,
      isRepeat: this.again,
    };
    this.#tx = new OpenTransaction<unknown>(host.transactionsOf(this.#socket), about);
    return new Promise((resolve) => {
      this.#onDone = resolve;
      new Execution(this.#tx!, this.#args, deadlines, options.handlerTimeoutMs, this);
    });
  }

  answer(answer: EntryAnswer): void {
    // who is gone gets the outcome when it is back
    if (!this.#socket.connected) return;
    if (answer === "unknown") {
      this.#ack(REFUSED, { code: "OUTCOME_UNKNOWN", message: "what came of it is not known any more" });
    } else if (isRetry(answer)) {
      const { retryMs, code, message } = answer;
      this.#ack(AGAIN, retryMs, { code, message });
    } else this.#ack(...this.#context.verdicts.decode(answer));
  }

  resolve(reply: unknown): void {
    if (!this.#onDone) return;
    try {
      const { payload, content } = this.#context.verdicts.encode([DONE, reply]);
      this.#end({ payload, content, contributions: this.#tx!.close() });
    } catch (error) {
      this.reject(error);
    }
  }

  reject(error: unknown): void {
    if (!this.#onDone) return;
    const { verdicts, options } = this.#context;
    this.#tx!.drop();
    if (error instanceof RetryLater) {
      this.#end(retryOf(error));
      return;
    }
    if (isFault(error)) this.#report(error);
    const { payload, content } = verdicts.refuse(refusalOf(error, options.exposeErrors));
    this.#end({ payload, content, contributions: NOTHING });
  }

  #end(work: EntryWork): void {
    const onDone = this.#onDone!;
    this.#onDone = undefined;
    onDone(work);
  }

  #report(error: unknown): void {
    const failure = error instanceof Error ? error : new Error(String(error), { cause: error });
    const namespace = this.#socket.nsp.name;
    this.#context.host.onError(failure, { stage: "reliable", namespace, event: this.#event });
  }
}
