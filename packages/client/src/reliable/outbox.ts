import { Emitter } from "../emitter.ts";
import { extend } from "../extension.ts";
import { parseUrl } from "../url.ts";
import { Courier, type Link } from "./courier.ts";
import { type Refusal, ReliableError } from "./error.ts";
import { Ledger, type Settled } from "./ledger.ts";
import { type OutboxSocket, plainLink, reliableLink, request } from "./link.ts";
import { memoryStorage } from "./memory.ts";
import type { OutboxOptions } from "./options.ts";
import { storageOf } from "./platform.ts";
import type { Entry, NewEntry, OutboxStorage } from "./storage.ts";

/**
 * - `empty`: nothing is on its way
 * - `waiting`: for a connection
 * - `sending`
 * - `elsewhere`: another page of this origin sends, and this one is told of the outcomes
 * - `refused`: the server takes nothing from this outbox; an `error` told why
 */
export type OutboxState = "empty" | "waiting" | "sending" | "elsewhere" | "refused";

export interface OutboxEvents {
  /** It is stored: the page may be closed now. */
  added: (entry: Entry) => void;
  /** It is flagged as sent, and about to leave: from here on it can't be removed. */
  sent: (entry: Entry) => void;
  /** Its outcome came, whoever emitted it: this page, another, or one before a reload. */
  settled: (settled: Settled) => void;
  /** It was removed before it was sent. */
  removed: (entry: Entry) => void;
  size: (size: number) => void;
  state: (state: OutboxState) => void;
  error: (error: ReliableError) => void;
}

/** Milliseconds after which storage that failed is tried again. */
const STORAGE_RETRY_MS = 1000;

/** Milliseconds after which a socket whose outbox was refused reconnects, if something waits in it. */
const REFUSED_MS = 60_000;

/** The reliable emits of one socket and one user that have no outcome yet. */
export class Outbox extends Emitter<OutboxEvents, OutboxEvents> {
  /** How many events are in it. */
  size = 0;
  /** About how many bytes they take. */
  bytes = 0;
  state: OutboxState = "empty";
  private readonly _socket: OutboxSocket;
  private readonly _options: OutboxOptions;
  private readonly _storage: OutboxStorage;
  /** Where outboxes go that `_storage` has no place for. */
  private readonly _memory = memoryStorage();
  private _user: string | undefined;
  private _opening: Promise<Ledger> | undefined;
  /** What `_opening` resolved with. */
  private _ledger: Ledger | undefined;
  private _closing: unknown;
  /** Whose key the server was shown at this connection. */
  private _asked: Ledger | undefined;
  /** Counts connections. */
  private _turn = 0;
  /** The connection that is some outbox's: it was shown its key, or given its events. */
  private _takenTurn: number | undefined;
  /** Ends the part of this connection, while there is one. */
  private _end: (() => void) | undefined;
  private _refusal: ReliableError | undefined;
  /** Whether the server has taken this outbox for this user's. */
  private _isOurs = false;
  /** Of what is told once. */
  private _told = new Set<string>();

  constructor(socket: OutboxSocket, options: OutboxOptions) {
    super();
    this._socket = socket;
    this._options = options;
    this._user = options.user;
    this._storage = storageOf(options.outbox) ?? this._memory;
    extend(socket, {
      _name: "reliable",
      _ask: () => this._ask(),
      _answered: (answer) => this._answered(answer),
      _closed: () => {
        this._turn++;
        this._stop();
      },
    });
    // what fails is told by an event
    void this._open();
  }

  /** What is on its way, oldest first. */
  async list(): Promise<Entry[]> {
    return (await this._open()).stored.list();
  }

  /** Removes an event that was not sent, whose emitter is told `NOT_SENT`; false if it was sent, or is not there. */
  async remove(id: number): Promise<boolean> {
    return !!(await (await this._open()).remove([id])).length;
  }

  /**
   * Removes what was not sent, whose emitters are told `NOT_SENT`. With `sent`, forgets the rest too: it may take
   * effect or not, and its emitters are told `OUTCOME_UNKNOWN`.
   */
  async clear(options?: { sent?: boolean }): Promise<void> {
    const ledger = await this._open();
    await ledger.remove((await this.list()).map(({ id }) => id));
    if (options?.sent) await ledger.forget(await this.list());
  }

  /**
   * Changes to the outbox of another user. What this one's emitters wait for, they are told `USER_CHANGED`: their
   * events stay, and are sent when this user is back. A socket reconnects that is connected for this one's outbox.
   */
  use(user: string | undefined): void {
    if (user === this._user) return;
    this._leave("USER_CHANGED", "The outbox of another user is used now");
    this._user = user;
    if (this._takenTurn === this._turn) this._reconnect();
    void this._open();
  }

  /** Gives the storage free; what is in it stays. Those who wait are told `OUTBOX_CLOSED`. The next emit opens it. */
  async close(): Promise<void> {
    this._leave("OUTBOX_CLOSED", "The outbox was closed");
    await this._closing;
  }

  async _add(entry: NewEntry, signal: AbortSignal | undefined): Promise<unknown> {
    // its events would be those of whoever the key belongs to
    if (this._refusal?.code === "KEY_FOREIGN") throw this._refusal;
    return (await this._open()).add(entry, signal);
  }

  private _open(): Promise<Ledger> {
    if (!this._opening) {
      const opening = this._load();
      this._opening = opening;
      opening.then(
        (ledger) => {
          if (this._opening !== opening) return;
          this._ledger = ledger;
          this._update();
          // the server does not know of it
          if (this._socket.connected && !this._end) this._answered(undefined);
        },
        (error) => {
          this._opening = undefined;
          this.emit("error", error);
        },
      );
    }
    return this._opening;
  }

  private async _load(): Promise<Ledger> {
    const { io, nsp } = this._socket;
    const { protocol, host } = parseUrl(io.uri);
    const name = JSON.stringify([`${protocol}://${host}${io.opts.path}`, nsp, this._user]);
    const { outboxMax = 10_000, outboxBytesMax = 16_777_216 } = this._options;
    try {
      await this._closing;
      const stored = await this._storage.open(name).catch((error) => {
        if (error.code !== "NOT_DURABLE") throw error;
        this._tellOnce(error);
        return this._memory.open(name);
      });
      return await new Ledger(name, stored, outboxMax, outboxBytesMax, {
        added: (entry) => this.emit("added", entry),
        sent: (entry) => this.emit("sent", entry),
        removed: (entry) => this.emit("removed", entry),
        settled: (settled) => this.emit("settled", settled),
        changed: () => this._update(),
      }).load();
    } catch (cause) {
      if (cause instanceof ReliableError) throw cause;
      throw new ReliableError("OUTBOX_FAILED", "The outbox can't be opened", { cause });
    }
  }

  private _leave(code: string, message: string): void {
    const opening = this._opening;
    this._stop();
    this._opening = this._ledger = this._refusal = undefined;
    this._isOurs = false;
    const closed = opening?.then(
      (ledger) => ledger.close(new ReliableError(code, message)),
      () => {},
    );
    // one user's may be closing still when the next one's is left
    this._closing = Promise.all([this._closing, closed]);
    this._update();
  }

  private async _ask(): Promise<object | undefined> {
    const turn = this._turn;
    try {
      const ledger = await this._open();
      const again = (await ledger.stored.list()).some(({ sent }) => sent);
      // whoever changed either asks anew
      if (ledger !== this._ledger || turn !== this._turn) return undefined;
      this._takenTurn = turn;
      this._asked = ledger;
      return { key: ledger.stored.key, again: +again };
    } catch {
      // told already; the socket connects all the same
      return undefined;
    }
  }

  /** Asks over a connection that is no outbox's yet. One that is can't be another's: there the socket reconnects. */
  private async _askLate(): Promise<void> {
    const { _socket: socket, _turn: turn, _ledger: ledger } = this;
    if (this._takenTurn === turn) return this._reconnect();
    if (!socket.connected) return;
    const reliable = await this._ask();
    if (reliable) {
      request(socket, ["holdfast:ask", { reliable }], ([answers]) => this._answered(answers?.reliable));
    } else if (turn === this._turn && ledger === this._ledger) {
      this._end = socket.io._after(STORAGE_RETRY_MS, () => this._answered(undefined));
    }
  }

  private _answered(answer: { error?: Refusal; window: number } | undefined): void {
    const socket = this._socket;
    const ledger = this._asked;
    this._stop();
    if (socket.io.engine._handshake?.holdfast && (!ledger || ledger !== this._ledger)) {
      // the outbox, or its user, came after CONNECT; or it can't be opened
      if (this._ledger) queueMicrotask(() => this._askLate());
    } else if (answer?.error) {
      this._refusal = ReliableError.of(answer.error);
      // another user's key stays so; anything else may pass
      if (this._refusal.code !== "KEY_FOREIGN") {
        this._end = socket.io._after(REFUSED_MS, () => this.size && this._reconnect());
      } else if (!this._isOurs) {
        // what was emitted before we knew would go out as that other user's; if it can't be removed it stays
        ledger!.refuse(this._refusal).catch(() => {});
      }
      this.emit("error", this._refusal);
      this._update();
    } else if (answer) {
      this._isOurs = true;
      this._begin(reliableLink(socket, answer.window));
    } else {
      this._tellOnce(new ReliableError("NOT_RELIABLE", "The server takes events without any guarantee"));
      this._begin(plainLink(socket));
    }
  }

  /** Sends over this connection, once the outbox is open and no other page does. */
  private _begin(link: Link): void {
    let isOver: boolean;
    let release: (() => void) | undefined;
    let courier: Courier | undefined;
    this._refusal = undefined;
    this._takenTurn = this._turn;
    this._open().then(
      (ledger) => {
        if (isOver) return;
        release = ledger.tabs.hold(() => {
          if (isOver) return;
          ledger.courier = courier = new Courier(ledger.stored, link, {
            sent: (entries) => ledger.sent(entries),
            settled: (entry, outcome) => ledger.settle(entry, outcome),
            failed: (cause) =>
              isOver || this.emit("error", new ReliableError("OUTBOX_FAILED", "Storage failed", { cause })),
            after: (ms, action) => this._socket.io._after(ms, action),
          });
          this._update();
        });
        this._end = () => {
          isOver = true;
          courier?.stop();
          ledger.courier = undefined;
          release?.();
        };
        this._update();
      },
      () => {},
    );
    this._end = () => {
      isOver = true;
    };
  }

  private _stop(): void {
    this._end?.();
    this._end = this._asked = undefined;
    this._update();
  }

  private _reconnect(): void {
    const socket = this._socket;
    if (!socket.connected) return;
    socket.disconnect();
    socket.connect();
  }

  private _tellOnce(error: ReliableError): void {
    if (this._told.has(error.code)) return;
    this._told.add(error.code);
    // whoever has just made the outbox has no listener yet
    queueMicrotask(() => this.emit("error", error));
  }

  private _update(): void {
    const { size, state, _ledger: ledger } = this;
    this.size = ledger?.size ?? 0;
    this.bytes = ledger?.bytes ?? 0;
    if (!this.size) this.state = "empty";
    else if (this._refusal) this.state = "refused";
    else if (!this._end) this.state = "waiting";
    else this.state = ledger!.courier ? "sending" : "elsewhere";
    if (size !== this.size) this.emit("size", this.size);
    if (state !== this.state) this.emit("state", this.state);
  }
}
