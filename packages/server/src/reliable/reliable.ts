import { type EntrySender, Outcomes, RetryLater, type StoreError } from "@holdfast/core";
import { isReservedEvent } from "@holdfast/protocol";
import { HoldfastError } from "../errors.ts";
import { type Control, type ControlAck, type Extension, invalid, isRecord } from "../negotiation/index.ts";
import { Deadlines } from "./deadlines.ts";
import type { Handling } from "./execution.ts";
import { type Handler, type HandlerOptions, register } from "./handlers.ts";
import type { ReliableHost } from "./host.ts";
import { type ReliableOptions, resolveReliable } from "./options.ts";
import { PlainCalls } from "./plain-calls.ts";
import { type Entry, type RequestContext, SocketRequest } from "./request.ts";
import { Verdicts } from "./verdict.ts";

const KEY_CHARS_MIN = 22;
const KEY_CHARS_MAX = 128;
/** Until what a close has cut off is sent again, should the client hear of it. */
const CLOSED_RETRY_MS = 1_000;
const EVENT = "holdfast:emit";
const RESERVED = "holdfast:";

/** Reliable emits: the extension of the protocol, and what handlers are called with. */
export class Reliable implements Extension<Handling> {
  readonly name = "reliable";
  readonly isLate = true;
  readonly controls: ReadonlyMap<string, Control<Handling>> = new Map([
    [EVENT, (socket, args, ack) => this.#onEmit(socket, args, ack)],
  ]);
  /** Events for which there is a handler, and which came as any other event does. */
  readonly #calls: PlainCalls;
  readonly #context: RequestContext;
  readonly #outcomes: Outcomes | undefined;
  readonly #senders = new WeakMap<Handling, EntrySender>();

  constructor(host: ReliableHost, options?: ReliableOptions) {
    const resolved = resolveReliable(options);
    const verdicts = new Verdicts(host.codec, resolved.replyBytesMax);
    this.#context = { host, options: resolved, verdicts, deadlines: new Deadlines() };
    this.#calls = new PlainCalls(this.#context);
    if (!host.kept) return;
    const { window, keysMax, repliesMax, keyBytesMax, bytesMax, ageMs } = resolved;
    this.#outcomes = new Outcomes(host.kept.store, {
      limits: { window, keysMax, outcomesMax: repliesMax, keyBytesMax, bytesMax, ageMs },
      refusal: (error: StoreError) => verdicts.refuseFor(error),
      onError: (error) => host.onError(error, { stage: "reliable" }),
    });
  }

  async negotiate(socket: Handling, asked: unknown): Promise<unknown> {
    const { key, again } = readAsked(asked);
    const namespace = socket.nsp.name;
    const user = await this.#userOf(socket);
    const sender = await this.#outcomes!.claim({ namespace, key, user, again });
    if (sender === "KEY_FOREIGN") throw new HoldfastError(sender, "this outbox belongs to another user");
    if (sender === "TOO_MANY_KEYS")
      throw new HoldfastError(sender, "too many outboxes are in use: try again later");
    this.#senders.set(socket, sender);
    return { through: sender.through, window: this.#context.options.window };
  }

  /** See {@link Socket.handle}. */
  handle(socket: Handling, event: string, handler: Handler, options: HandlerOptions = {}): void {
    register(socket, event, handler, options, (one, args) => this.#calls.call(socket, event, one, args));
  }

  onClose(socket: Handling): void {
    this.#senders.get(socket)?.leave();
  }

  /** Whether something is being done that a close should wait for. */
  get isBusy(): boolean {
    return this.#calls.isBusy || this.#outcomes?.isBusy === true;
  }

  /** Begins nothing any more, and waits for what has begun, for a while; then that comes to nothing. */
  async close(): Promise<void> {
    const { deadlines, options } = this.#context;
    const { closeTimeoutMs } = options;
    await Promise.all([this.#outcomes?.close(closeTimeoutMs), this.#calls.settled(closeTimeoutMs)]);
    deadlines.endAll(new RetryLater(CLOSED_RETRY_MS, "the server is closing"));
  }

  async #userOf(socket: Handling): Promise<string | null | undefined> {
    const { identify } = this.#context.options;
    if (!identify) return undefined;
    const user = (await identify(socket)) ?? null;
    if (user === null || typeof user === "string") return user;
    throw new TypeError(`reliable.identify returned ${typeof user}; it must return text or null`);
  }

  #onEmit(socket: Handling, args: readonly unknown[], ack: ControlAck | undefined): void {
    if (!ack) throw invalid(`${EVENT} without an acknowledgement`);
    const request = new SocketRequest(this.#context, socket, readEntry(args), ack);
    const isTaken = this.#senders.get(socket)!.submit(request);
    if (!isTaken) throw invalid(`more than ${this.#context.options.window} emits without an outcome`);
  }
}

/** PROTOCOL §4.1 */
function readAsked(asked: unknown): { key: string; again: boolean } {
  if (!isRecord(asked)) throw invalid("reliable must be an object");
  const { key, again = 1 } = asked;
  if (
    typeof key !== "string" ||
    key.length < KEY_CHARS_MIN ||
    key.length > KEY_CHARS_MAX ||
    !/^[\w-]+$/.test(key)
  ) {
    throw invalid(`reliable.key must be ${KEY_CHARS_MIN} to ${KEY_CHARS_MAX} characters of A–Z a–z 0–9 - _`);
  }
  return { key, again: readFlag(again) };
}

/** PROTOCOL §4.3 */
function readEntry([sequence, low, again, event, ...args]: readonly unknown[]): Entry {
  if (!isSequence(sequence) || !isSequence(low) || low > sequence) throw invalid(`${EVENT}: its sequences`);
  if (typeof event !== "string" || isReservedEvent(event) || event.startsWith(RESERVED)) {
    throw invalid(`${EVENT}: its event`);
  }
  return { sequence, low, again: readFlag(again), event, args };
}

function isSequence(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function readFlag(value: unknown): boolean {
  if (value !== 0 && value !== 1) throw invalid("again must be 0 or 1");
  return value === 1;
}
