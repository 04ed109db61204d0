import type { EventListener, EventNames, EventsMap, Loose } from "./events.ts";

/** A listener, or what `once` put in its place. */
type Listener = ((...args: Loose[]) => unknown) & { fn?: Listener };

/**
 * The event emitter of every public object here. Its state is a plain property: an object whose fields are private
 * to the language fails behind a proxy, and frameworks put sockets behind proxies (Vue's `reactive`).
 */
export class Emitter<
  Listen extends EventsMap = EventsMap,
  Emit extends EventsMap = EventsMap,
  Reserved extends EventsMap = Record<never, never>,
> {
  _callbacks: Record<PropertyKey, Listener[] | undefined> = Object.create(null);

  declare removeListener: this["off"];
  declare removeAllListeners: this["off"];

  on<Name extends EventNames<Reserved> | EventNames<Listen>>(
    event: Name,
    listener: EventListener<Reserved, Listen, Name>,
  ): this {
    this._callbacks[event] ??= [];
    (this._callbacks[event] as Listener[]).push(listener as Listener);
    return this;
  }

  once<Name extends EventNames<Reserved> | EventNames<Listen>>(
    event: Name,
    listener: EventListener<Reserved, Listen, Name>,
  ): this {
    const wrapper: Listener = (...args) => {
      this.off(event, wrapper as typeof listener);
      (listener as Listener).apply(this, args);
    };
    wrapper.fn = listener as Listener;
    return this.on(event, wrapper as typeof listener);
  }

  /** Removes one listener, all listeners of an event, or all listeners. */
  off<Name extends EventNames<Reserved> | EventNames<Listen>>(
    event?: Name,
    listener?: EventListener<Reserved, Listen, Name>,
  ): this {
    if (listener) {
      removeFirst(this.listeners(event!), (known: Listener) => known === listener || known.fn === listener);
    } else if (event) delete this._callbacks[event];
    else this._callbacks = Object.create(null);
    return this;
  }

  /** Calls the listeners of an event; a Socket's own `emit` sends it instead. */
  emit(event: EventNames<Emit> | EventNames<Reserved>, ...args: Loose[]): this {
    call(this, this.listeners(event as never), args);
    return this;
  }

  listeners<Name extends EventNames<Reserved> | EventNames<Listen>>(
    event: Name,
  ): EventListener<Reserved, Listen, Name>[] {
    return (this._callbacks[event] ?? []) as EventListener<Reserved, Listen, Name>[];
  }

  hasListeners<Name extends EventNames<Reserved> | EventNames<Listen>>(event: Name): boolean {
    return !!this.listeners(event)[0];
  }
}

const { prototype } = Emitter;
prototype.removeListener = prototype.removeAllListeners = prototype.off;

/** Calls each of the listeners that there are now. */
export function call(target: object, listeners: readonly Loose[], args: readonly unknown[]): void {
  for (const listener of [...listeners]) listener.apply(target, args);
}

/** Removes the first item that `matches`, in place. */
export function removeFirst<Item>(list: Item[], matches: (item: Item) => boolean): void {
  // -1, for none, becomes an index past every end
  list.splice(list.findIndex(matches) >>> 0, 1);
}
