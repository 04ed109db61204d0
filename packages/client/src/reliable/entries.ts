import type { Entry, NewEntry } from "./storage.ts";

/** The entries of one outbox in memory, in order. All before a watermark count as sent. */
export class Entries {
  /** The id of the last entry that there ever was. */
  lastId = 0;
  /** The id of the last entry that was taken. */
  sentId = 0;
  private _byId = new Map<number, Entry>();

  append(entries: readonly NewEntry[]): number[] {
    return entries.map((entry) => {
      this.put({ ...entry, id: ++this.lastId, sent: false });
      return this.lastId;
    });
  }

  has(id: number): boolean {
    return this._byId.has(id);
  }

  /** Puts an entry behind all others. */
  put(entry: Entry): void {
    this.lastId = Math.max(this.lastId, entry.id);
    this._byId.set(entry.id, entry);
  }

  take(after: number, count: number): Entry[] {
    const taken: Entry[] = [];
    const [first] = this._byId.keys();
    for (let id = Math.max(after + 1, first ?? Infinity); id <= this.lastId && taken.length < count; id++) {
      const entry = this._byId.get(id);
      if (entry) taken.push(this._flag(entry));
    }
    this.sentId = Math.max(this.sentId, taken.at(-1)?.id ?? 0);
    return taken;
  }

  remove(ids: readonly number[], evenSent: boolean): number[] {
    return ids.filter((id) => (evenSent || id > this.sentId) && this._byId.delete(id));
  }

  list(): Entry[] {
    return Array.from(this._byId.values(), (entry) => this._flag(entry));
  }

  private _flag(entry: Entry): Entry {
    return { ...entry, sent: entry.id <= this.sentId };
  }
}
