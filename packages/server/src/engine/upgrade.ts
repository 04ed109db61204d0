import type { EventEmitter } from "node:events";
import { clearInterval, clearTimeout, setInterval, setTimeout } from "node:timers";
import type { Frame } from "@holdfast/protocol";
import { OutgoingPacket } from "../outbox/index.ts";
import type { Transport, TransportOwner } from "./transport.ts";
import { Polling } from "./transports/polling.ts";

const PROBE = new OutgoingPacket(["probe"], { type: "pong" });
/** How often a waiting poll is ended while the client prepares to switch. */
const END_POLL_INTERVAL_MS = 100;

/** A connection, as far as its upgrade is concerned. */
export interface Upgradable extends EventEmitter {
  upgrading: boolean;
  readonly readyState: string;
  readonly transport: Transport;
  /** The client has switched. */
  switchTo(transport: Transport): void;
}

/**
 * The probe of a new transport (Engine.IO v4, "Upgrade"): `2probe` is answered with `3probe`; `5` switches. Anything
 * else, or too long a time, closes the new transport and leaves the connection on the old one.
 */
export class Upgrade implements TransportOwner {
  readonly keepsText = false;
  readonly #connection: Upgradable;
  readonly #transport: Transport;
  readonly #timeout: NodeJS.Timeout;
  #interval: NodeJS.Timeout | undefined;

  constructor(connection: Upgradable, transport: Transport, timeoutMs: number) {
    this.#connection = connection;
    this.#transport = transport;
    this.#timeout = setTimeout(() => this.#abort(), timeoutMs);
    connection.upgrading = true;
    connection.once("close", this.#onConnectionClose);
    transport.owner = this;
  }

  onFrame(frame: Frame): void {
    const connection = this.#connection;
    if (frame.type === "ping" && frame.data === "probe") {
      // a client that asks again and again, and reads nothing, gets one answer
      if (this.#transport.isIdle) this.#transport.writeUrgent(PROBE);
      connection.emit("upgrading", this.#transport);
      clearInterval(this.#interval);
      this.#interval = setInterval(() => {
        if (connection.transport instanceof Polling) connection.transport.endPoll();
      }, END_POLL_INTERVAL_MS);
    } else if (frame.type === "upgrade" && connection.readyState !== "closed") {
      this.#settle();
      connection.switchTo(this.#transport);
    } else this.#abort();
  }

  onTransportError(): void {
    this.#abort();
  }

  onTransportClose(): void {
    this.#abort();
  }

  // nothing waits for a transport on trial
  onTransportReady(): void {}
  onFlush(): void {}
  onWritten(): void {}

  readonly #onConnectionClose = () => this.#abort();

  #abort(): void {
    this.#settle();
    this.#transport.close();
  }

  #settle(): void {
    this.#connection.upgrading = false;
    clearTimeout(this.#timeout);
    clearInterval(this.#interval);
    this.#connection.off("close", this.#onConnectionClose);
    this.#transport.owner = undefined;
  }
}
