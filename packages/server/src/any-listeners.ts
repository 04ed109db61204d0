// biome-ignore-all lint/suspicious/noExplicitAny: arguments are the application's
import { StrictEventEmitter } from "./strict-event-emitter.ts";
import type { EventsMap } from "./typed-events.ts";

export type AnyListener = (...args: any[]) => void;

/** Catch-all listeners in the order of their calls; undefined, and thus free, while there are none. */
export type AnyListeners = AnyListener[] | undefined;

/** An event emitter that can be listened to without naming an event. */
export abstract class AnyListening<
  ListenEvents extends EventsMap,
  EmitEvents extends EventsMap,
  ReservedEvents extends EventsMap,
> extends StrictEventEmitter<ListenEvents, EmitEvents, ReservedEvents> {
  // fields of the subclass, which knows what should lie side by side in memory
  /** @internal */
  abstract _anyListeners: AnyListeners;
  /** @internal */
  abstract _anyOutgoingListeners: AnyListeners;

  /** Adds a listener to every event from the client. */
  onAny(listener: AnyListener): this {
    this._anyListeners ??= [];
    this._anyListeners.push(listener);
    return this;
  }

  /** As {@link onAny}, before the others. */
  prependAny(listener: AnyListener): this {
    this._anyListeners ??= [];
    this._anyListeners.unshift(listener);
    return this;
  }

  /** Removes a listener, or all, to every event from the client. */
  offAny(listener?: AnyListener): this {
    this._anyListeners = withoutListener(this._anyListeners, listener);
    return this;
  }

  listenersAny(): AnyListener[] {
    return this._anyListeners ?? [];
  }

  /** Adds a listener to every event sent to the client. */
  onAnyOutgoing(listener: AnyListener): this {
    this._anyOutgoingListeners ??= [];
    this._anyOutgoingListeners.push(listener);
    return this;
  }

  /** As {@link onAnyOutgoing}, before the others. */
  prependAnyOutgoing(listener: AnyListener): this {
    this._anyOutgoingListeners ??= [];
    this._anyOutgoingListeners.unshift(listener);
    return this;
  }

  /** Removes a listener, or all, to every event sent to the client. */
  offAnyOutgoing(listener?: AnyListener): this {
    this._anyOutgoingListeners = withoutListener(this._anyOutgoingListeners, listener);
    return this;
  }

  listenersAnyOutgoing(): AnyListener[] {
    return this._anyOutgoingListeners ?? [];
  }

  /** Called by adapters for each event that goes out. */
  notifyOutgoingListeners(packet: { data: unknown[] }): void {
    callListeners(this._anyOutgoingListeners, this, packet.data);
  }
}

/** Calls each with the event's name and arguments. Who is added or removed meanwhile does not matter. */
export function callListeners(listeners: AnyListeners, self: unknown, event: unknown[]): void {
  if (!listeners) return;
  for (const listener of listeners.slice()) listener.apply(self, event);
}

/** The list without the first occurrence of `listener`, or without all of them. */
function withoutListener(listeners: AnyListeners, listener: AnyListener | undefined): AnyListeners {
  if (!listeners || !listener) return undefined;
  const at = listeners.indexOf(listener);
  if (at >= 0) listeners.splice(at, 1);
  return listeners.length > 0 ? listeners : undefined;
}
