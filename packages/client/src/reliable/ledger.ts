import type { Courier } from "./courier.ts";
import { ReliableError } from "./error.ts";
import type { Outcome } from "./outcome.ts";
import type { Entry, NewEntry, StoredOutbox } from "./storage.ts";
import { alone, sharedBy, type TabMessage, type Tabs } from "./tabs.ts";

/** An event with its outcome: the handler's reply, or an error. */
export interface Settled extends Entry {
  readonly reply?: unknown;
  readonly error?: ReliableError;
}

/** What a ledger tells of. */
export interface LedgerReports {
  added(entry: Entry): void;
  sent(entry: Entry): void;
  settled(settled: Settled): void;
  removed(entry: Entry): void;
  /** After each of those. */
  changed(): void;
}

/** An emit whose promise is not settled. */
interface Emit {
  readonly entry: NewEntry;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (reason: unknown) => void;
  readonly signal: AbortSignal | undefined;
  readonly abort: () => void;
  id?: number;
}

/** Entries that are gone, for news of other pages that are late: they may even come before we know of an entry. */
const GONE_MAX = 1000;

/** What one outbox holds, who waits for which outcome, and what the pages that share it tell each other. */
export class Ledger {
  readonly stored: StoredOutbox;
  readonly tabs: Tabs;
  bytes = 0;
  /** Sends, while this page may. */
  courier: Courier | undefined;
  private readonly _entriesMax: number;
  private readonly _bytesMax: number;
  private readonly _reports: LedgerReports;
  private _entries = new Map<number, Entry>();
  /** What waits to be stored. */
  private _queue: Emit[] = [];
  private _storing: Promise<void> | undefined;
  /** Why it was closed. */
  private _closed: ReliableError | undefined;
  private _waiting = new Map<number, Emit>();
  /** Their outcomes, and whether those were reported. */
  private _gone = new Map<number, [Outcome, boolean]>();

  constructor(
    name: string,
    stored: StoredOutbox,
    entriesMax: number,
    bytesMax: number,
    reports: LedgerReports,
  ) {
    this.stored = stored;
    this._entriesMax = entriesMax;
    this._bytesMax = bytesMax;
    this._reports = reports;
    this.tabs = stored.shared ? sharedBy(name, (message) => this._hear(message)) : alone;
  }

  get size(): number {
    return this._entries.size;
  }

  /** Reads what was left earlier, or by others. */
  async load(): Promise<this> {
    for (const entry of await this.stored.list()) if (!this._gone.has(entry.id)) this._know(entry);
    this._reports.changed();
    return this;
  }

  /** Stores an event; resolves with the reply, once there is one. */
  add(entry: NewEntry, signal: AbortSignal | undefined): Promise<unknown> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const abort = () => this._abort(emit);
      const emit: Emit = { entry, resolve, reject, signal, abort };
      signal?.addEventListener("abort", abort);
      this._queue.push(emit);
      this._storing ??= this._store();
    });
  }

  /** Removes what was not sent; whoever waits for it is told `reason`. Resolves with the ids that are gone. */
  async remove(ids: number[], reason?: unknown): Promise<number[]> {
    const gone = await this.stored.remove(ids, false);
    this._tell(["removed", gone], reason);
    return gone;
  }

  /** Removes what was emitted here and not sent, which no one else may send either. */
  async refuse(reason: ReliableError): Promise<void> {
    await this._storing;
    await this.remove([...this._waiting.keys()], reason);
  }

  /** Removes entries that were sent, whatever becomes of them. */
  async forget(entries: Entry[]): Promise<void> {
    for (const entry of entries) this.settle(entry, [1, { code: "OUTCOME_UNKNOWN", message: "Forgotten" }]);
    await this.stored.remove(
      entries.map(({ id }) => id),
      true,
    );
  }

  sent(entries: Entry[]): void {
    for (const entry of entries) if (!this._gone.has(entry.id)) this._know({ ...entry, sent: false });
    const unflagged = entries.filter(({ sent }) => !sent);
    if (unflagged[0]) this._tell(["sent", unflagged.map(({ id }) => id)]);
  }

  settle({ id }: Entry, outcome: Outcome): void {
    this._tell(["settled", id, outcome]);
  }

  /** Whoever waits is told why. The entries stay in their storage. */
  async close(reason: ReliableError): Promise<void> {
    this._closed = reason;
    for (const { reject } of this._waiting.values()) reject(reason);
    this._waiting.clear();
    // what was emitted before stays too
    await this._storing;
    this.tabs.close();
    await this.stored.close();
  }

  private _tell(message: TabMessage, reason?: unknown): void {
    this.tabs.tell(message);
    this._hear(message, reason);
  }

  /** From this page, or another. */
  private _hear(message: TabMessage, reason?: unknown): void {
    const [kind, about] = message;
    if (kind === "added") this._added(about);
    else if (kind === "sent") for (const id of about) this._flag(id);
    else if (kind === "removed") for (const id of about) this._removed(id, reason);
    else this._settled(about, message[2]);
    this._reports.changed();
  }

  private _added(entries: Entry[]): void {
    for (const entry of entries) {
      const [outcome, isReported] = this._gone.get(entry.id) ?? [];
      if (!isReported && this._know(entry)) this._reports.added(entry);
      if (outcome) this._settled(entry.id, outcome);
      // aborted while it was stored
      if (this._waiting.get(entry.id)?.signal?.aborted) this._waiting.get(entry.id)!.abort();
    }
    this.courier?.deliver(entries.at(-1)!.id);
  }

  private _flag(id: number): void {
    const entry = this._entries.get(id);
    if (entry && !entry.sent) {
      this._entries.set(id, { ...entry, sent: true });
      this._reports.sent(this._entries.get(id)!);
    }
  }

  private _settled(id: number, outcome: Outcome): void {
    const entry = this._drop(id);
    const emit = this._stopWaiting(id);
    const error = outcome[0] ? ReliableError.of(outcome[1]) : undefined;
    this._note(id, outcome, !!entry);
    if (error) emit?.reject(error);
    else emit?.resolve(outcome[1]);
    if (entry) this._reports.settled({ ...entry, ...(error ? { error } : { reply: outcome[1] }) });
  }

  private _removed(id: number, reason: unknown): void {
    const entry = this._drop(id);
    const emit = this._stopWaiting(id);
    const refusal = { code: "NOT_SENT", message: "Removed from the outbox" };
    this._note(id, [1, refusal], true);
    emit?.reject(reason ?? ReliableError.of(refusal));
    if (entry) this._reports.removed(entry);
  }

  private _note(id: number, outcome: Outcome, isReported: boolean): void {
    this._gone.set(id, [outcome, isReported]);
    if (this._gone.size > GONE_MAX) this._gone.delete(this._gone.keys().next().value!);
  }

  /** Whether it was unknown. */
  private _know(entry: Entry): boolean {
    if (this._entries.has(entry.id)) return false;
    this._entries.set(entry.id, entry);
    this.bytes += entry.bytes;
    return true;
  }

  private _drop(id: number): Entry | undefined {
    const entry = this._entries.get(id);
    this._entries.delete(id);
    this.bytes -= entry?.bytes ?? 0;
    return entry;
  }

  private _stopWaiting(id: number): Emit | undefined {
    const emit = this._waiting.get(id);
    this._waiting.delete(id);
    emit?.signal?.removeEventListener("abort", emit.abort);
    return emit;
  }

  private _abort(emit: Emit): void {
    const at = this._queue.indexOf(emit);
    const { reason } = emit.signal!;
    if (at >= 0) this._queue.splice(at, 1)[0]!.reject(reason);
    // what can't be removed is as good as sent
    else if (emit.id) this.remove([emit.id], reason).catch(() => {});
  }

  private async _store(): Promise<void> {
    // the emits of one turn are one transaction
    await undefined;
    while (this._queue[0]) {
      const emits = this._fitting();
      if (!emits[0]) continue;
      try {
        const stored = this.stored.append(emits.map(({ entry }) => entry));
        // most storages can flag it as sent in one go with that
        this.courier?.deliver();
        const ids = await stored;
        if (this._closed) throw this._closed;
        for (const [i, emit] of emits.entries()) {
          emit.id = ids[i]!;
          this._waiting.set(emit.id, emit);
        }
        this._tell(["added", emits.map(({ entry, id }) => ({ ...entry, id: id!, sent: false }))]);
      } catch (cause) {
        const error =
          this._closed ?? new ReliableError("OUTBOX_FAILED", "The outbox can't store it", { cause });
        for (const { reject } of emits) reject(error);
      }
    }
    this._storing = undefined;
  }

  /** What waits to be stored and fits; the others are told that it does not. */
  private _fitting(): Emit[] {
    let { size, bytes } = this;
    return this._queue.splice(0).filter(({ entry, reject }) => {
      const fits = size < this._entriesMax && bytes + entry.bytes <= this._bytesMax;
      if (fits) {
        size++;
        bytes += entry.bytes;
      } else reject(new ReliableError("OUTBOX_FULL", "The outbox is full"));
      return fits;
    });
  }
}
