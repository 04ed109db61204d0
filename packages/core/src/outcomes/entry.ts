import type { Operation, Precondition, Receipt, StoreError, StoreErrorCode } from "../store/index.ts";
import type { Payload } from "./records.ts";

/** Something that takes effect in the commit of an entry, or not at all. */
export interface Contribution {
  readonly operations: readonly Operation[];
  /** With any, the entry has a commit of its own. */
  readonly preconditions?: readonly Precondition[] | undefined;
  /**
   * Called in the turn of the commit, once it was taken: the receipt is pending. It may still fail.
   *
   * @param firstAppend index of its first append among those of the receipt (`receipt.offsets`)
   */
  issued?(receipt: Receipt, firstAppend: number): void;
  /** There was no commit, and there will be none. */
  dropped?(): void;
}

/** What became of an entry, for good. */
export interface Outcome {
  readonly payload: Payload;
  /** What the payload was made of, where that is at hand: not if it was read from the store. */
  readonly content?: unknown;
}

/** Nothing happened: the entry is to be sent again. */
export interface Retry {
  readonly retryMs: number;
  readonly code: string;
  readonly message: string;
}

/** What doing an entry came to. */
export type Work = (Outcome & { readonly contributions: readonly Contribution[] }) | Retry;

/** What is answered: an outcome, that it is not known any more, or when to try again. */
export type Answer = Outcome | "unknown" | Retry;

/** An entry as somebody sent it, once of perhaps several times. */
export interface Request {
  readonly sequence: number;
  /** The client has the outcomes of all entries below. */
  readonly low: number;
  /** It may have been sent before. */
  readonly again: boolean;
  /** How much memory it takes while it waits, about. */
  readonly bytes: number;
  /** Whether who sent it is still there. */
  isHere(): boolean;
  /** Does it. Called at most once, and only while `isHere`. MUST NOT reject. */
  run(): Promise<Work>;
  /** Called at most once. MUST NOT throw. */
  answer(answer: Answer): void;
}

export function isRetry(work: Work): work is Retry;
export function isRetry(answer: Answer): answer is Retry;
export function isRetry(value: Work | Answer): boolean {
  return typeof value === "object" && "retryMs" in value;
}

/** Whether a commit that failed so would fail again, however often it is tried. */
export function isForGood({ code }: StoreError): boolean {
  return FOR_GOOD.has(code);
}

const FOR_GOOD: ReadonlySet<StoreErrorCode> = new Set([
  "EVENT_TOO_LARGE",
  "VALUE_TOO_LARGE",
  "KEY_INVALID",
  "ROOM_INVALID",
  "TOO_MANY_LOGS",
  "STORE_UNSUPPORTED",
]);

/** How long, in ms, until a commit that failed so may be tried again. */
export function retryMsOf(error: StoreError): number {
  // one of several that shared a commit: next time each has its own
  if (isForGood(error)) return 1;
  if (error.code === "PRECONDITION_FAILED") return 20;
  return error.code === "STORE_BUSY" ? 250 : 1_000;
}

/** Tells those who take part in a commit that it was taken, in order. */
export function tellIssued(contributions: readonly Contribution[], receipt: Receipt): void {
  let appends = 0;
  for (const contribution of contributions) {
    contribution.issued?.(receipt, appends);
    for (const { type } of contribution.operations) if (type === "append") appends++;
  }
}
