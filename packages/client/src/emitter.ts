import type { EventListener, EventNames, EventParams, EventsMap, Loose } from "./events.ts";

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
  private _callbacks = { __proto__: null } as unknown as Record<PropertyKey, Listener[] | undefined>;

  on<Name extends EventNames<Reserved> | EventNames<Listen>>(
    event: Name,
    listener: EventListener<Reserved, Listen, Name>,
  ): this {
    const list: Listener[] = (this._callbacks[event] ??= []);
    list.push(listener as Listener);
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
    ...args: [event?: Name, listener?: EventListener<Reserved, Listen, Name>]
  ): this {
    const [event, listener] = args as unknown as [PropertyKey, Listener];
    if (!args.length) this._callbacks = { __proto__: null } as never;
    else if (args.length < 2) delete this._callbacks[event];
    else {
      const list = this.listeners(event as Name) as Listener[];
      const index = list.findIndex((known) => known === listener || known.fn === listener);
      if (index >= 0) list.splice(index, 1);
    }
    return this;
  }

  emit<Name extends EventNames<Emit>>(event: Name, ...args: EventParams<Emit, Name>): this {
    return this.emitReserved(event as never, ...(args as never));
  }

  /** Calls the listeners; named apart from `emit` since a Socket's `emit` sends. */
  protected emitReserved<Name extends EventNames<Reserved>>(
    event: Name,
    ...args: EventParams<Reserved, Name>
  ): this {
    for (const listener of [...(this._callbacks[event] ?? [])]) listener.apply(this, args);
    return this;
  }

  listeners<Name extends EventNames<Reserved> | EventNames<Listen>>(
    event: Name,
  ): EventListener<Reserved, Listen, Name>[] {
    return (this._callbacks[event] ?? []) as EventListener<Reserved, Listen, Name>[];
  }

  hasListeners<Name extends EventNames<Reserved> | EventNames<Listen>>(event: Name): boolean {
    return this.listeners(event).length > 0;
  }
}

export interface Emitter<Listen, Emit, Reserved> {
  addEventListener: this["on"];
  removeListener: this["off"];
  removeAllListeners: this["off"];
  removeEventListener: this["off"];
}

const { prototype } = Emitter;
prototype.addEventListener = prototype.on;
prototype.removeListener = prototype.removeAllListeners = prototype.removeEventListener = prototype.off;

/** Listens, and returns what stops it. Custom decoders may lack `off`. */
export function on(emitter: object, event: string, listener: Loose): () => void {
  const { on, off } = emitter as Emitter;
  on.call(emitter, event, listener);
  return () => void off?.call(emitter, event, listener);
}
