import {
  type KeepPolicy,
  KeptRooms,
  MemoryStore,
  Policies,
  type RoomsOption,
  type StorageUsage,
  type Store,
} from "@holdfast/core";
import { LmdbStore, type LmdbStoreOptions } from "@holdfast/store-lmdb";
import { HoldfastError } from "../errors.ts";
import { CommitGates } from "./commit-gates.ts";

/** A folder, a folder (`path`) and the limits of the embedded store in it, "memory", or a store. */
export type StoreOption = string | LmdbStoreOptions | Store;

/** What a failure in the background was about. Each of the others is there where it is known. */
export interface ErrorContext {
  /**
   * `open`: the store could not be opened. `keep`: an event could not be stored, and was not delivered (unless its
   * room is kept with `flush: false`). `retention`: old events could not be dropped; it is tried again.
   * `recover`: something of a session could not be stored or read. `negotiate`: what a client asked for in CONNECT could
   * not be looked up, and was refused. `reliable`: a handler failed, or what it did could not be stored. `queue`: something
   * of a queue, or `queues.authorize`, failed.
   */
  stage: "open" | "keep" | "retention" | "recover" | "negotiate" | "reliable" | "queue";
  namespace?: string;
  rooms?: readonly string[];
  event?: unknown;
  queue?: string;
}

/** Hears of what fails where nobody waits for it. */
export type OnError = (error: Error, context: ErrorContext) => void;

/** What a server with a store holds for its namespaces. */
export class Kept {
  readonly store: Store;
  readonly rooms: KeptRooms;
  readonly gates = new CommitGates();
  readonly onError: OnError;
  /** Events sent from the log. */
  replayed = 0;
  readonly #isOwn: boolean;

  /** @param fallback how long events of other rooms are kept, where they are */
  constructor(
    store: StoreOption,
    rooms: RoomsOption | undefined,
    onError: OnError = warner(),
    fallback?: KeepPolicy,
  ) {
    // before a folder is touched
    const policies = new Policies(rooms, fallback);
    this.store = openStore(store);
    this.#isOwn = this.store !== store;
    this.rooms = new KeptRooms(this.store, { rooms: policies, onError });
    this.onError = onError;
    this.store.opened.then(
      () => this.rooms.start(),
      (error) => onError(error, { stage: "open" }),
    );
  }

  storage(): Promise<StorageUsage> {
    return this.store.storage();
  }

  /** Resolves when everything issued so far is stored, or has failed, and what waited for it has left. */
  async settled(): Promise<void> {
    await this.store
      .commit([])
      .durable()
      .catch(() => {});
    // outboxes are written when the tick ends
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Flushes what was issued. A store that was handed over stays open. */
  async close(): Promise<void> {
    await this.rooms.close();
    if (this.#isOwn) await this.store.close();
    else await this.settled();
  }
}

function openStore(option: StoreOption): Store {
  if (option === "memory") return new MemoryStore();
  if (typeof option === "string") return new LmdbStore({ path: option });
  if (typeof option !== "object" || option === null) {
    throw new HoldfastError("OPTIONS_CONFLICT", 'store must be a folder, { path }, "memory" or a store');
  }
  return "commit" in option ? option : new LmdbStore(option);
}

/** How long, in ms, failures after one that was warned of are only counted. */
const WARN_INTERVAL_MS = 1_000;

/** Warns of failures, without a flood of them when a disk is full. */
export function warner(): OnError {
  let lastMs = Number.NEGATIVE_INFINITY;
  let suppressed = 0;
  return (error, { stage, rooms, event }) => {
    const nowMs = performance.now();
    if (nowMs - lastMs < WARN_INTERVAL_MS) {
      suppressed++;
      return;
    }
    const what =
      stage === "keep" ? `event ${JSON.stringify(event)} to ${rooms?.join(", ")} was not stored: ` : "";
    const more = suppressed > 0 ? ` (and ${suppressed} more failures before)` : "";
    lastMs = nowMs;
    suppressed = 0;
    process.emitWarning(`${what}${error.message}${more}`, {
      type: "HoldfastWarning",
      code: (error as { code?: string }).code ?? "",
    });
  };
}
