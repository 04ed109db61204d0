import { Socket } from "../api.ts";
import type { DefaultEventsMap, EventsMap } from "../events.ts";
import type { OutboxSocket } from "./link.ts";
import type { OutboxOptions } from "./options.ts";
import { Outbox as SocketOutbox } from "./outbox.ts";
import { Reliable as SocketReliable } from "./reliable.ts";

export { ReliableError } from "./error.ts";
export type { Settled } from "./ledger.ts";
export type { OutboxOptions } from "./options.ts";
export type { OutboxEvents, OutboxState } from "./outbox.ts";
export type { ReliableFlags } from "./reliable.ts";
export type { Entry, NewEntry, OutboxStorage, StoredOutbox } from "./storage.ts";

// as types: they come with a socket
export type Outbox = SocketOutbox;
export type Reliable<EmitEvents extends EventsMap = DefaultEventsMap> = SocketReliable<EmitEvents>;

/** A socket that may have an outbox. */
interface Extended extends OutboxSocket {
  _opts: OutboxOptions;
  _outbox?: SocketOutbox;
  _onOpen(): void;
}

const prototype = Socket.prototype as unknown as Extended;
const { _onOpen } = prototype;

// Kept on the socket: a proxy around it has it too.
const outboxOf = (socket: Extended) => (socket._outbox ??= new SocketOutbox(socket, socket._opts));

Object.defineProperties(prototype, {
  outbox: {
    get(this: Extended) {
      return outboxOf(this);
    },
  },
  reliable: {
    get(this: Extended) {
      return new SocketReliable(outboxOf(this), {});
    },
  },
});

/** What an earlier page left in an outbox is sent even if this one emits nothing. */
prototype._onOpen = function (this: Extended) {
  if (this._opts.outbox) outboxOf(this);
  _onOpen.call(this);
};
