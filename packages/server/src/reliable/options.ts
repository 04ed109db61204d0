import { HoldfastError } from "../errors.ts";
import type { Handshake } from "../handshake.ts";

/** A socket, as far as its user is concerned. */
export interface ReliableSocket {
  readonly id: string;
  readonly handshake: Handshake;
  // biome-ignore lint/suspicious/noExplicitAny: the application's
  readonly data: any;
}

/** How reliable emits of clients are taken. They need the option `store`, for what is said here and for all else. */
export interface ReliableOptions {
  /**
   * Names the user of a socket, once middleware has run. A client's outbox belongs to the user who comes with it first,
   * or to nobody (null): anybody else is refused it (`KEY_FOREIGN`). Default: that is not asked.
   */
  identify?: (socket: ReliableSocket) => string | null | undefined | Promise<string | null | undefined>;
  /** The most emits that a client may have sent and not got the outcome of. Default 256. */
  window?: number;
  /** How long, in ms, a handler may take; then its outcome is `HANDLER_TIMEOUT`. Default 30,000. */
  handlerTimeoutMs?: number;
  /** How long, in ms, `close()` waits for handlers that run. Default 5,000. */
  closeTimeoutMs?: number;
  /** The most clients whose outcomes are remembered; those unused for longest are forgotten first. Default 100,000. */
  keysMax?: number;
  /** The most outcomes remembered for one client; the oldest are forgotten first. At least twice `window`. Default 1,000. */
  repliesMax?: number;
  /** The most bytes of one reply; past it the outcome is `REPLY_TOO_LARGE`. Default 1,048,576. */
  replyBytesMax?: number;
  /** The most bytes of outcomes of one client; the oldest are forgotten first. Default 4,194,304. */
  keyBytesMax?: number;
  /** The most bytes of all outcomes; clients unused for longest are forgotten first. Default 268,435,456. */
  bytesMax?: number;
  /** How long, in ms, a client that sends nothing is remembered. Default 30 days. */
  ageMs?: number;
  /** Whether clients are told the message of any error that a handler throws, not only of a `Rejection`. Default false. */
  exposeErrors?: boolean;
}

export type ResolvedReliableOptions = Required<Omit<ReliableOptions, "identify">> &
  Pick<ReliableOptions, "identify">;

const DEFAULTS: Required<Omit<ReliableOptions, "identify" | "exposeErrors">> = {
  window: 256,
  handlerTimeoutMs: 30_000,
  closeTimeoutMs: 5_000,
  keysMax: 100_000,
  repliesMax: 1_000,
  replyBytesMax: 1024 * 1024,
  keyBytesMax: 4 * 1024 * 1024,
  bytesMax: 256 * 1024 * 1024,
  ageMs: 30 * 86_400_000,
};

/** Defaults filled in. Throws `OPTIONS_INVALID`. */
export function resolveReliable(options: ReliableOptions = {}): ResolvedReliableOptions {
  const resolved = { ...DEFAULTS, exposeErrors: false, ...defined(options) };
  for (const name of Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]) {
    const value = resolved[name];
    if (typeof value === "number" && value >= 1 && (Number.isSafeInteger(value) || name === "ageMs"))
      continue;
    throw new HoldfastError(
      "OPTIONS_INVALID",
      `reliable.${name} is ${String(value)}; it must be a number from 1`,
    );
  }
  return resolved;
}

function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
