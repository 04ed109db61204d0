import type { Operation } from "@holdfast/core";
import type { SharedRecovery } from "./shared.ts";

const HOLE = "recovery:hole";
const UNCLEAN = "recovery:unclean";

interface Hole {
  /** Up to here, something is missing from the log. */
  offset: number;
  /** When that was found, in ms since 1970. */
  at: number;
}

interface Unclean {
  /** The epoch of logs that are not flushed before they are shown. */
  epoch: string;
  /** Up to here, such a log may have lost what was shown. */
  offset: number;
}

/** What a namespace's logs do not hold although it was delivered. Outlives the process, as far as a store that fails allows. */
export class Holes {
  readonly #shared: SharedRecovery;
  readonly #namespace: string;
  #hole: Hole = { offset: 0, at: 0 };
  #uncleanThrough = 0;

  constructor(shared: SharedRecovery, namespace: string) {
    this.#shared = shared;
    this.#namespace = namespace;
  }

  /**
   * @param last the newest offset
   * @param hasEarly whether there may be rooms with `flush: false`
   */
  async open(last: number, hasEarly: boolean): Promise<void> {
    const { store } = this.#shared.kept;
    const owed = this.#shared.owed(this.#owedKey);
    const value = owed?.type === "put" ? owed.value : (await store.get(HOLE, this.#namespace))?.value;
    if (value !== undefined) {
      const stored = JSON.parse(Buffer.from(value).toString()) as Hole;
      // what was issued and never stored has given its offset to others
      const offset = Math.min(stored.offset, last + 1);
      if (offset > this.#hole.offset) this.#hole = { ...stored, offset };
    }
    if (!hasEarly) return;
    const epoch = store.epochs!.unflushed;
    const record = await store.get(UNCLEAN, this.#namespace);
    const known = record && (JSON.parse(Buffer.from(record.value).toString()) as Unclean);
    this.#uncleanThrough = known?.epoch === epoch ? known.offset : known ? last : 0;
    if (known?.epoch === epoch) return;
    const fresh: Unclean = { epoch, offset: this.#uncleanThrough };
    store.commit({ type: "put", kind: UNCLEAN, key: this.#namespace, value: JSON.stringify(fresh) });
  }

  /** Something was delivered that is not stored: nobody who may have missed it can be recovered. */
  add(last: number): void {
    this.#hole = { offset: last + 1, at: Date.now() };
    const value = JSON.stringify(this.#hole);
    const operation: Operation = { type: "put", kind: HOLE, key: this.#namespace, value };
    // right now the store fails
    this.#shared.owe(this.#owedKey, operation);
  }

  /**
   * Whether a session that has all up to an offset may lack something.
   *
   * @param start where it began, and when
   */
  concern(since: number, start: { offset: number; at: number }): boolean {
    const { offset, at } = this.#hole;
    if (since >= offset) return false;
    // one that began after the fault, and with nothing issued in between, has missed nothing
    return !(start.offset >= offset - 1 && start.at > at);
  }

  /** As {@link concern}, for a room whose events are shown before they are on disk. */
  concernEarly(after: number): boolean {
    return after < this.#uncleanThrough;
  }

  get #owedKey(): string {
    return `${HOLE} ${this.#namespace}`;
  }
}
