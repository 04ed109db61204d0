// biome-ignore-all lint/suspicious/noExplicitAny: arguments and replies are the application's
import { HoldfastError } from "../errors.ts";
import type { Party } from "../negotiation/index.ts";
import { findHandler, plainListeners, type RegisteredHandler } from "./handlers.ts";
import { Rejection } from "./rejection.ts";
import type { OpenTransaction } from "./transaction.ts";

/** A socket whose events can be handled. */
export interface Handling extends Party {
  on(event: string, listener: (...args: any[]) => unknown): unknown;
  rawListeners(event: string): ((...args: any[]) => unknown)[];
  /** Lets an event pass catch-all listeners and middleware. */
  _screen(event: [string, ...any[]], done: (error?: Error) => void): void;
  _onerror(error: Error): void;
}

export interface Invocation {
  readonly socket: Handling;
  readonly event: string;
  readonly args: readonly unknown[];
  readonly tx: OpenTransaction<unknown>;
  readonly timeoutMs: number;
}

/**
 * Does what an event asks for: its handler if there is one, else its listeners, which answer through an acknowledgement
 * as their last argument. Resolves with the reply; rejects with what was thrown, or a coded error: `NO_HANDLER`,
 * `EVENT_REFUSED` (by a middleware of the socket), `HANDLER_TIMEOUT`.
 */
export function invoke({ socket, event, args, tx, timeoutMs }: Invocation): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const registered = findHandler(socket, event);
    const timer = startTimer(registered?.timeoutMs ?? timeoutMs, event, reject);
    const end = (settle: () => void) => {
      clearTimeout(timer);
      settle();
    };
    const ack = (reply?: unknown) => end(() => resolve(reply));
    const screened: [string, ...unknown[]] = [event, ...args, ack];
    let isScreened = false;
    const run = () => {
      const [, ...passed] = screened;
      if (!registered) return callListeners(socket, event, passed);
      // the acknowledgement is the handler's
      if (passed[passed.length - 1] === ack) passed.pop();
      for (const listener of plainListeners(socket, event)) listener.apply(socket, passed);
      return callHandler(registered, socket, passed, tx).then(
        (reply) => end(() => resolve(reply)),
        (error) => end(() => reject(error)),
      );
    };
    try {
      socket._screen(screened, (error) => {
        if (isScreened) return;
        isScreened = true;
        if (error) {
          socket._onerror(error);
          end(() => reject(refusalOf(error)));
          return;
        }
        try {
          void run();
        } catch (thrown) {
          end(() => reject(thrown));
        }
      });
    } catch (thrown) {
      end(() => reject(thrown));
    }
  });
}

/** Calls a handler; whatever it throws rejects. */
export async function callHandler(
  { handler }: RegisteredHandler,
  socket: Handling,
  args: readonly unknown[],
  tx: OpenTransaction<unknown>,
): Promise<unknown> {
  const passed = args.slice();
  // a client that leaves out arguments must not move the transaction
  while (passed.length < handler.length - 1) passed.push(undefined);
  const reply = await handler.call(socket, ...passed, tx);
  await tx.settled();
  return reply;
}

/** Rejects when the time of a handler is up. */
export function startTimer(
  timeoutMs: number,
  event: string,
  reject: (error: HoldfastError) => void,
): NodeJS.Timeout {
  const message = `the handler of ${JSON.stringify(event)} took longer than ${timeoutMs} ms`;
  return setTimeout(() => reject(new HoldfastError("HANDLER_TIMEOUT", message)), timeoutMs);
}

function callListeners(socket: Handling, event: string, args: readonly unknown[]): void {
  const listeners = plainListeners(socket, event);
  if (listeners.length === 0)
    throw new HoldfastError("NO_HANDLER", `nobody handles ${JSON.stringify(event)}`);
  for (const listener of listeners) listener.apply(socket, args as unknown[]);
}

/** What a middleware says to the socket is not for its client, unless it means it to be. */
function refusalOf(error: Error): Error {
  if (error instanceof Rejection) return error;
  return new HoldfastError("EVENT_REFUSED", "a middleware refused the event", { cause: error });
}
