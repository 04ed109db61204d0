import { KeptRooms, MemoryStore, type RoomsOption, type StorageUsage, type Store } from "@holdfast/core";
import { LmdbStore } from "@holdfast/store-lmdb";
import { HoldfastError } from "../errors.ts";
import { CommitGates } from "./commit-gates.ts";

/** A folder, a folder and how large its file may grow (in bytes), "memory", or a store. */
export type StoreOption = string | { path: string; bytesMax?: number } | Store;

/** What failed in the background. */
export interface ErrorContext {
  /** `open`: the store could not be opened. `keep`: an event could not be stored, and was not delivered. */
  stage: "open" | "keep";
  namespace?: string;
  rooms?: readonly string[];
  event?: unknown;
}

export type OnError = (error: Error, context: ErrorContext) => void;

/** What a server with a store holds for its namespaces. */
export class Kept {
  readonly store: Store;
  readonly rooms: KeptRooms;
  readonly gates = new CommitGates();
  readonly onError: OnError;
  readonly #isOwn: boolean;

  constructor(store: StoreOption, rooms: RoomsOption | undefined, onError: OnError = warn) {
    this.#isOwn = typeof store === "string" || !("commit" in store);
    this.store = openStore(store);
    this.rooms = new KeptRooms(this.store, { rooms });
    this.onError = onError;
    this.store.opened.then(
      () => this.rooms.start(),
      (error) => onError(error, { stage: "open" }),
    );
  }

  storage(): Promise<StorageUsage> {
    return this.store.storage();
  }

  /** Flushes what was issued. A store that was handed over stays open. */
  async close(): Promise<void> {
    await this.rooms.close();
    if (this.#isOwn) await this.store.close();
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

function warn(error: Error, { stage, rooms, event }: ErrorContext): void {
  const what =
    stage === "keep" ? `event ${JSON.stringify(event)} to ${rooms?.join(", ")} was not stored: ` : "";
  process.emitWarning(`${what}${error.message}`, {
    type: "HoldfastWarning",
    code: (error as { code?: string }).code,
  });
}
