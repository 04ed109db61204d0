// biome-ignore-all lint/suspicious/noExplicitAny: event arguments are the application's
import { EventEmitter } from "node:events";
import { LeanEventEmitter, listenersClass } from "./lean-event-emitter.ts";
import type {
  EventNames,
  EventParams,
  EventsMap,
  ReservedOrUserEventNames,
  ReservedOrUserListener,
  TypedEventBroadcaster,
} from "./typed-events.ts";

const Listeners = listenersClass();

/** The fields in which Node keeps listeners. */
interface ListenerTable {
  _events: object | undefined;
  _eventsCount: number;
}

/** Emits to local listeners, also where `emit` means something else (a broadcast, a packet to the client). */
export function emitLocally(emitter: EventEmitter, event: string | symbol, ...args: unknown[]): boolean {
  return EventEmitter.prototype.emit.call(emitter, event, ...args);
}

/**
 * An EventEmitter with typed events. `ReservedEvents` are emitted by the library, `EmitEvents` by the user,
 * `ListenEvents` and `ReservedEvents` are listened to.
 */
export abstract class StrictEventEmitter<
    ListenEvents extends EventsMap,
    EmitEvents extends EventsMap,
    // biome-ignore lint/complexity/noBannedTypes: the default of Socket.IO's type
    ReservedEvents extends EventsMap = {},
  >
  extends LeanEventEmitter
  implements TypedEventBroadcaster<EmitEvents>
{
  override on<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    ev: Ev,
    listener: ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>,
  ): this {
    const table = this as unknown as ListenerTable;
    if (table._events === undefined) {
      table._events = new Listeners();
      table._eventsCount = 0;
    }
    return super.on(ev, listener);
  }

  override once<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    ev: Ev,
    listener: ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>,
  ): this {
    return super.once(ev, listener);
  }

  override emit<Ev extends EventNames<EmitEvents>>(ev: Ev, ...args: EventParams<EmitEvents, Ev>): boolean {
    return super.emit(ev, ...args);
  }

  protected emitReserved<Ev extends EventNames<ReservedEvents>>(
    ev: Ev,
    ...args: EventParams<ReservedEvents, Ev>
  ): boolean {
    return super.emit(ev, ...args);
  }

  protected emitUntyped(ev: string, ...args: any[]): boolean {
    return super.emit(ev, ...args);
  }

  override listeners<Ev extends ReservedOrUserEventNames<ReservedEvents, ListenEvents>>(
    event: Ev,
  ): ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>[] {
    return super.listeners(event) as ReservedOrUserListener<ReservedEvents, ListenEvents, Ev>[];
  }
}
