// biome-ignore-all lint/suspicious/noExplicitAny: arguments and replies are the application's
import { HoldfastError } from "../errors.ts";
import type { Transaction } from "./transaction.ts";

/**
 * Answers an event: what it returns, or resolves with, is the reply. It gets the arguments, and then the transaction.
 * Where events are not typed, neither are arguments; annotate what you use: `(text: string, tx: Transaction) => …`.
 */
export type Handler<Args extends any[] = any[], Socket = any, Reply = unknown> = number extends Args["length"]
  ? (this: Socket, ...args: any[]) => Reply | Promise<Reply>
  : (this: Socket, ...args: [...Args, tx: Transaction<Socket>]) => Reply | Promise<Reply>;

export interface HandlerOptions {
  /** How long, in ms, it may take. Default: `reliable.handlerTimeoutMs`. */
  timeoutMs?: number;
}

export interface RegisteredHandler {
  readonly handler: Handler;
  readonly timeoutMs: number | undefined;
}

type Listener = (...args: any[]) => unknown;

/** What sockets need for handlers: they are listeners too, so that whatever removes listeners removes them. */
interface Listening {
  on(event: string, listener: Listener): unknown;
  rawListeners(event: string): Listener[];
}

const registered = new WeakMap<Listener, RegisteredHandler>();

/**
 * Makes a function the handler of an event.
 *
 * @param onPlain called for each event of that name that is not emitted reliably
 */
export function register(
  socket: Listening,
  event: string,
  handler: Handler,
  { timeoutMs }: HandlerOptions,
  onPlain: (registered: RegisteredHandler, args: unknown[]) => void,
): void {
  checkHandler(event, handler, findHandler(socket, event) !== undefined);
  const one: RegisteredHandler = { handler, timeoutMs };
  const listener: Listener = (...args) => onPlain(one, args);
  registered.set(listener, one);
  socket.on(event, listener);
}

/** Throws what a bad handler, or a second one for an event, deserves. */
export function checkHandler(event: string, handler: unknown, isThere: boolean): void {
  if (typeof handler !== "function") throw new TypeError("a handler must be a function");
  if (isThere) {
    throw new HoldfastError("HANDLER_EXISTS", `there is a handler for ${JSON.stringify(event)} already`);
  }
}

export function findHandler(socket: Listening, event: string): RegisteredHandler | undefined {
  for (const listener of socket.rawListeners(event)) {
    const one = registered.get(listener);
    if (one) return one;
  }
  return undefined;
}

/** Those listeners of an event that are not its handler. */
export function plainListeners(socket: Listening, event: string): readonly Listener[] {
  const listeners = socket.rawListeners(event);
  return listeners.some((listener) => registered.has(listener))
    ? listeners.filter((listener) => !registered.has(listener))
    : listeners;
}
