import type { Answer, Outcome } from "./outcome.ts";
import type { Entry, StoredOutbox } from "./storage.ts";

/** A connection to a server that takes entries. */
export interface Link {
  /** How many entries may be unanswered. */
  readonly window: number;
  /** Sends an entry; `low` is the lowest id that has no outcome here. `answered` is called at most once. */
  send(entry: Entry, low: number, answered: (answer: Answer) => void): void;
}

/** What a courier reports. */
export interface CourierReports {
  sent(entries: Entry[]): void;
  /** Before the entry is removed: whoever crashes in between gets the outcome again. */
  settled(entry: Entry, outcome: Outcome): void;
  /** Storage failed; it is tried again in a while. */
  failed(error: unknown): void;
  after(ms: number, action: () => void): () => void;
}

/** Milliseconds after which storage that failed is tried again. */
const STORAGE_RETRY_MS = 1000;

/** Sends the entries of an outbox over one connection, from the first on, and removes those with an outcome. */
export class Courier {
  private readonly _stored: StoredOutbox;
  private readonly _link: Link;
  private readonly _reports: CourierReports;
  /** What was sent and is still in storage, in order. */
  private _open = new Map<number, Entry>();
  private _unanswered = 0;
  /** The last that was sent. */
  private _lastId = 0;
  /** The last that we were told of. */
  private _knownId = 0;
  /** Whether there may be more than that. */
  private _mayBeMore = false;
  private _isTaking = false;
  private _isStopped = false;
  /** Where to begin again, once everything is answered and `_stopTimer` has run out. */
  private _restartId: number | undefined;
  private _stopTimer: (() => void) | undefined;
  private _settledIds: number[] = [];
  private _isRemoving = false;

  constructor(stored: StoredOutbox, link: Link, reports: CourierReports) {
    this._stored = stored;
    this._link = link;
    this._reports = reports;
    this.deliver();
  }

  /** Sends what may be sent. Call it when there may be more: `id` is that of the last entry, if it is known. */
  async deliver(id?: number): Promise<void> {
    if (id === undefined) this._mayBeMore = true;
    else this._knownId = Math.max(this._knownId, id);
    // not two at a time: entries go in order
    if (this._isTaking) return;
    this._isTaking = true;
    try {
      while ((this._mayBeMore || this._knownId > this._lastId) && this._room() > 0) {
        const known = this._knownId;
        const room = this._room();
        this._mayBeMore = false;
        const entries = await this._stored.take(this._lastId, room);
        // the answer that makes us begin again may have come meanwhile
        if (this._room() > 0 && entries.length) this._send(entries);
        if (entries.length === room) this._mayBeMore = true;
        else if (this._knownId === known) this._knownId = 0;
      }
    } catch (error) {
      this._mayBeMore = true;
      this._reports.failed(error);
      this._pause(STORAGE_RETRY_MS);
    }
    this._isTaking = false;
  }

  /** Sends nothing more. Outcomes that come all the same count. */
  stop(): void {
    this._isStopped = true;
    this._stopTimer?.();
  }

  private _room(): number {
    return this._isStopped || this._stopTimer || this._restartId ? 0 : this._link.window - this._unanswered;
  }

  private _send(entries: Entry[]): void {
    this._unanswered += entries.length;
    for (const entry of entries) this._open.set(entry.id, entry);
    this._lastId = entries.at(-1)!.id;
    this._reports.sent(entries);
    const [low] = this._open.keys();
    for (const entry of entries) {
      this._link.send(entry, low!, (answer) => this._onAnswer(entry, answer));
    }
  }

  private _onAnswer(entry: Entry, answer: Answer): void {
    this._unanswered--;
    if (answer[0] === 2) {
      // those behind it are answered so too
      this._restartId = Math.min(this._restartId ?? Infinity, entry.id);
      this._pause(answer[1]);
    } else {
      this._reports.settled(entry, answer);
      this._settledIds.push(entry.id);
      this._remove();
    }
    this._resume();
  }

  private _pause(ms: number): void {
    this._stopTimer ??= this._reports.after(ms, () => {
      this._stopTimer = undefined;
      this._resume();
    });
  }

  private _resume(): void {
    if (this._restartId && !this._unanswered && !this._stopTimer) {
      this._lastId = this._restartId - 1;
      this._restartId = undefined;
      this._mayBeMore = true;
    }
    this.deliver(0);
  }

  /** The server forgets outcomes below `low`, so that moves on only once they are removed. */
  private async _remove(): Promise<void> {
    if (this._isRemoving) return;
    this._isRemoving = true;
    let ids: number[] = [];
    try {
      while (this._settledIds[0]) {
        ids = this._settledIds.splice(0);
        await this._stored.remove(ids, true);
        for (const id of ids) this._open.delete(id);
      }
    } catch (error) {
      // with the next ones
      this._settledIds.push(...ids);
      this._reports.failed(error);
    }
    this._isRemoving = false;
  }
}
