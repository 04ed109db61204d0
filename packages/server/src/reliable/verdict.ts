import { type EntryOutcome, type EntryRetry, isForGood, RetryLater, StoreError } from "@holdfast/core";
import { PacketType } from "@holdfast/protocol";
import type { Codec } from "../codec.ts";
import { HoldfastError } from "../errors.ts";
import { fromStored, toStored } from "../kept/index.ts";
import { Rejection } from "./rejection.ts";

/** The kinds of an outcome on the wire (PROTOCOL §4.4). */
export const DONE = 0;
export const REFUSED = 1;
export const AGAIN = 2;

/** Why an event was refused, as its client is told. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly data?: unknown;
}

/** What a client is told of an entry, for good. */
export type Verdict = readonly [typeof DONE, unknown] | readonly [typeof REFUSED, Refusal];

const MS_MAX = 86_400_000;
/** Stock clients take no packet with more, and close the connection: again and again, as they would get it again. */
const ATTACHMENTS_MAX = 10;

/** Why the handler's time, or the client's event, was lost: these codes are ours to tell. */
const OURS: ReadonlySet<string> = new Set([
  "HANDLER_TIMEOUT",
  "NO_HANDLER",
  "EVENT_REFUSED",
  "REPLY_TOO_LARGE",
]);

/** What the client is told of an error: of the application's own no more than it means to tell. */
export function refusalOf(error: unknown, exposeErrors: boolean): Refusal {
  if (error instanceof Rejection) {
    // who does not write TypeScript may have given anything
    const [code, message] = [String(error.code), String(error.message)];
    return error.data === undefined ? { code, message } : { code, message, data: error.data };
  }
  if (error instanceof HoldfastError && OURS.has(error.code))
    return { code: error.code, message: error.message };
  if (error instanceof StoreError && isForGood(error)) return notStorable(error);
  const message = exposeErrors && error instanceof Error ? error.message : "the handler failed";
  return { code: "HANDLER_FAILED", message };
}

/** Whether an error is nothing that the application has meant to happen. */
export function isFault(error: unknown): boolean {
  if (error instanceof Rejection || error instanceof RetryLater) return false;
  return !(error instanceof HoldfastError && (error.code === "NO_HANDLER" || error.code === "EVENT_REFUSED"));
}

export function retryOf({ retryMs, message }: RetryLater): EntryRetry {
  const ms = Number.isFinite(retryMs) ? Math.min(Math.max(0, Math.ceil(retryMs)), MS_MAX) : MS_MAX;
  return { retryMs: ms, code: "RETRY_LATER", message };
}

/** Verdicts as they are stored. */
export class Verdicts {
  readonly #codec: Codec;
  readonly #bytesMax: number;

  constructor(codec: Codec, bytesMax: number) {
    this.#codec = codec;
    this.#bytesMax = bytesMax;
  }

  /** Throws `REPLY_TOO_LARGE`, or what the encoder throws. */
  encode(verdict: Verdict): EntryOutcome {
    const parts = this.#codec.encoder.encode({ type: PacketType.ACK, nsp: "/", id: 0, data: [...verdict] });
    const payload = toStored(parts);
    const bytes = typeof payload === "string" ? Buffer.byteLength(payload) : payload.length;
    if (bytes > this.#bytesMax) {
      throw new HoldfastError("REPLY_TOO_LARGE", `a reply holds at most ${this.#bytesMax} bytes`);
    }
    if (parts.length > ATTACHMENTS_MAX + 1) {
      throw new HoldfastError("REPLY_TOO_LARGE", `a reply holds at most ${ATTACHMENTS_MAX} binaries`);
    }
    return { payload, content: isFixed(verdict) ? verdict : undefined };
  }

  /** As {@link encode}; what can't be told is left out. */
  refuse(refusal: Refusal): EntryOutcome {
    try {
      return this.encode([REFUSED, refusal]);
    } catch {
      const { code, message } = refusal;
      return this.encode([REFUSED, { code: code.slice(0, 256), message: message.slice(0, 1024) }]);
    }
  }

  /** For a commit that would fail however often it is tried. */
  refuseFor(error: StoreError): EntryOutcome {
    return this.refuse(notStorable(error));
  }

  /** What an acknowledgement says of a stored verdict. */
  decode({ payload, content }: EntryOutcome): readonly unknown[] {
    if (content) return content as Verdict;
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    return this.#codec.decodeParts(fromStored(bytes)).data as unknown[];
  }
}

function notStorable({ code }: StoreError): Refusal {
  return { code, message: "what the handler did can't be stored" };
}

/** Whether the application can't change it meanwhile: else the client would be told what was not stored. */
function isFixed([kind, about]: Verdict): boolean {
  const value = kind === REFUSED ? about.data : about;
  return typeof value !== "object" || value === null;
}
