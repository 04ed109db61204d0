import type { Store, StoredEvent, Tail, TailQuery } from "./store.ts";
import { StoreError } from "./store-error.ts";

/**
 * Tails for drivers that know of every append: reads on from where the listener stands, and sleeps until a flush
 * has stored something in that namespace. Nothing is buffered for a slow listener.
 */
export class Tails {
  readonly #store: Pick<Store, "events" | "head">;
  readonly #sleepers = new Map<string, Set<() => void>>();

  constructor(store: Pick<Store, "events" | "head">) {
    this.#store = store;
  }

  /** For the driver: events of this namespace were flushed. */
  wake(namespace: string): void {
    const sleepers = this.#sleepers.get(namespace);
    if (!sleepers) return;
    this.#sleepers.delete(namespace);
    for (const resolve of sleepers) resolve();
  }

  /** For the driver: the store was closed, nothing will wake anybody. */
  close(): void {
    for (const namespace of [...this.#sleepers.keys()]) this.wake(namespace);
  }

  start(
    query: TailQuery,
    listener: (events: readonly StoredEvent[]) => void | Promise<void>,
    onError: (error: StoreError) => void,
  ): Tail {
    let isClosed = false;
    let wakeUp = () => {};
    const run = async () => {
      let after = query.after ?? (await this.#store.head(query.namespace));
      while (!isClosed) {
        // Taken before the read: an event that is flushed while it runs must not be slept through.
        const awake = this.#sleep(query.namespace);
        wakeUp = awake.wake;
        const { events } = await this.#store.events({ ...query, after });
        if (isClosed) break;
        if (events.length > 0) {
          after = events[events.length - 1]!.offset;
          awake.wake();
          await listener(events);
        } else await awake.promise;
      }
    };
    run().catch((error) => {
      if (isClosed) return;
      isClosed = true;
      onError(StoreError.from(error));
    });
    return {
      close: () => {
        isClosed = true;
        wakeUp();
      },
    };
  }

  #sleep(namespace: string): { promise: Promise<void>; wake: () => void } {
    let sleepers = this.#sleepers.get(namespace);
    if (!sleepers) {
      sleepers = new Set();
      this.#sleepers.set(namespace, sleepers);
    }
    let resolve = () => {};
    const promise = new Promise<void>((done) => {
      resolve = done;
    });
    sleepers.add(resolve);
    const set = sleepers;
    return {
      promise,
      wake: () => {
        set.delete(resolve);
        resolve();
      },
    };
  }
}
