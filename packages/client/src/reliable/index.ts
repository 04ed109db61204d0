import { Socket } from "../api.ts";
import type { OutboxSocket } from "./link.ts";
import type { OutboxOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { Reliable } from "./reliable.ts";

export { ReliableError } from "./error.ts";
export type { Settled } from "./ledger.ts";
export type { OutboxOptions } from "./options.ts";
export type { Outbox, OutboxEvents, OutboxState } from "./outbox.ts";
export type { Reliable, ReliableFlags } from "./reliable.ts";
export type { Entry, NewEntry, OutboxStorage, StoredOutbox } from "./storage.ts";

/** A socket that may have an outbox. */
interface Extended extends OutboxSocket {
  _opts: OutboxOptions;
  _outbox?: Outbox;
  _onOpen(): void;
}

const prototype = Socket.prototype as unknown as Extended;
const { _onOpen } = prototype;

// Kept on the socket: a proxy around it has it too.
const outboxOf = (socket: Extended) => (socket._outbox ??= new Outbox(socket, socket._opts));

Object.defineProperties(prototype, {
  outbox: {
    get(this: Extended) {
      return outboxOf(this);
    },
  },
  reliable: {
    get(this: Extended) {
      return new Reliable(outboxOf(this), {});
    },
  },
});

/** What an earlier page left in an outbox is sent even if this one emits nothing. */
prototype._onOpen = function (this: Extended) {
  if (this._opts.outbox) outboxOf(this);
  _onOpen.call(this);
};
