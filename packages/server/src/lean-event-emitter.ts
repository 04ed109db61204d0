import { EventEmitter } from "node:events";

/** A listener as EventEmitter has it: what an event brings is not checked. */
export type Listener = Parameters<EventEmitter["on"]>[1];

/**
 * An EventEmitter whose constructor does nothing: Node's methods build the table of listeners when the first one
 * comes. What nobody listens to then costs no table; of ten thousand idle connections that is most.
 */
export const LeanEventEmitter = function LeanEventEmitter() {} as unknown as typeof EventEmitter;
Object.setPrototypeOf(LeanEventEmitter, EventEmitter);
Object.defineProperty(LeanEventEmitter, "prototype", {
  value: Object.create(EventEmitter.prototype, {
    constructor: { value: LeanEventEmitter, writable: true, configurable: true },
  }),
});

/** Whether anything was ever listened to: to be asked before an event that comes with each packet is emitted. */
export function isListenedTo(emitter: EventEmitter): boolean {
  return (emitter as { _events?: object })._events !== undefined;
}
