import { HoldfastError } from "../errors.ts";
import type { Handshake } from "../handshake.ts";

const POSITIONS_MAX = 1_000;
const CREDIT_MAX = 10_000;
const CREDIT_TIMEOUT_MS = 120_000;

/** A socket, as far as its user is concerned. */
export interface IdentifiedSocket {
  readonly id: string;
  readonly handshake: Handshake;
  // biome-ignore lint/suspicious/noExplicitAny: the application's
  readonly data: any;
}

/** What clients that ask for resume get. Needs the option `store`. */
export interface ResumeOptions {
  /**
   * Names the user of a socket, once middleware has run. Positions are then the user's, on every device of theirs, and
   * nobody else's on the same device. Default, and for null: they belong to the client that they were given to.
   */
  identify?: (socket: IdentifiedSocket) => string | null | undefined | Promise<string | null | undefined>;
  /** The most rooms whose positions one client may show, and one socket is remembered to have left. Default 1,000. */
  positionsMax?: number;
  /** The most events of replays that are on the way to one client before it has handled any. Default 10,000. */
  creditMax?: number;
  /** How long, in ms, a replay waits for its client before the connection is closed. Default 120,000. */
  creditTimeoutMs?: number;
}

export type ResolvedResumeOptions = Required<Omit<ResumeOptions, "identify">> &
  Pick<ResumeOptions, "identify">;

/** Defaults filled in. Throws `OPTIONS_INVALID`. */
export function resolveResume({
  identify,
  positionsMax = POSITIONS_MAX,
  creditMax = CREDIT_MAX,
  creditTimeoutMs = CREDIT_TIMEOUT_MS,
}: ResumeOptions = {}): ResolvedResumeOptions {
  const limits = { positionsMax, creditMax, creditTimeoutMs };
  for (const [name, value] of Object.entries(limits)) {
    if (Number.isSafeInteger(value) && value >= 1) continue;
    const wrong = `resume.${name} is ${String(value)}; it must be a whole number from 1`;
    throw new HoldfastError("OPTIONS_INVALID", wrong);
  }
  return { identify, ...limits };
}
