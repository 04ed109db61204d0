import { ReliableError } from "./error.ts";
import { type Entry, type NewEntry, newKey, type OutboxStorage, type StoredOutbox } from "./storage.ts";

// A database per outbox: "entries" by id, and in "meta" the key and the id of the last entry that was taken.

/** Outboxes that outlive the page and the browser, shared by all pages of an origin. */
export const indexedDbStorage: OutboxStorage = {
  async open(name) {
    try {
      // a page that is not served securely has no locks
      if (!navigator.locks) throw new Error("no Web Locks");
      const db = await openDatabase(`holdfast:${name}`);
      const key = await transact<string>(db, "strict", (_, meta, done) =>
        read<string | undefined>(meta.get("key"), (known) => {
          const key = known ?? newKey();
          if (!known) meta.put(key, "key");
          done(key);
        }),
      );
      return outboxIn(db, key);
    } catch (cause) {
      throw new ReliableError("NOT_DURABLE", "No IndexedDB or Web Locks here", { cause });
    }
  },
};

function outboxIn(db: IDBDatabase, key: string): StoredOutbox {
  return {
    shared: true,
    key,
    append: (entries: readonly NewEntry[]) =>
      // transactions on a store run one after the other, in all pages: ids rise in the order of commits
      transact(db, "relaxed", (store, _, done) => {
        const ids: number[] = [];
        for (const entry of entries) read(store.add(entry), (id) => ids.push(id as number));
        done(ids);
      }),
    take: (after, count) =>
      transact<Entry[]>(db, "strict", (store, meta, done) =>
        read(store.getAll(IDBKeyRange.lowerBound(after, true), count), (entries: Entry[]) =>
          withSent(meta, entries, (flagged, sentId) => {
            const last = entries.at(-1);
            if (last && last.id > sentId) meta.put(last.id, "sent");
            done(flagged);
          }),
        ),
      ),
    remove: (ids, evenSent) =>
      transact<number[]>(db, "relaxed", (store, meta, done) =>
        read<number | undefined>(meta.get("sent"), (sentId = 0) => {
          const gone = ids.filter((id) => evenSent || id > sentId);
          for (const id of gone) store.delete(id);
          done(gone);
        }),
      ),
    list: () =>
      transact<Entry[]>(db, "relaxed", (store, meta, done) =>
        read(store.getAll(), (entries: Entry[]) => withSent(meta, entries, done)),
      ),
    close: () => db.close(),
  };
}

function openDatabase(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("entries", { autoIncrement: true, keyPath: "id" });
      request.result.createObjectStore("meta");
    };
    request.onsuccess = () => {
      const db = request.result;
      // who deletes it need not wait for this page
      db.onversionchange = () => db.close();
      resolve(db);
    };
    request.onerror = () => reject(request.error);
  });
}

/** Runs `work` in a transaction; resolves with what it gave to `done`, once that is written. */
function transact<Result>(
  db: IDBDatabase,
  durability: IDBTransactionDurability,
  work: (store: IDBObjectStore, meta: IDBObjectStore, done: (result: Result) => void) => void,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const transaction = db.transaction(["entries", "meta"], "readwrite", { durability });
    let result: Result;
    transaction.oncomplete = () => resolve(result);
    transaction.onabort = () => reject(transaction.error);
    work(transaction.objectStore("entries"), transaction.objectStore("meta"), (value) => {
      result = value;
    });
  });
}

function read<Value>(request: IDBRequest<Value>, then: (value: Value) => void): void {
  request.onsuccess = () => then(request.result);
}

function withSent(
  meta: IDBObjectStore,
  entries: Entry[],
  then: (flagged: Entry[], sentId: number) => void,
): void {
  read<number | undefined>(meta.get("sent"), (sentId = 0) =>
    then(
      entries.map((entry) => ({ ...entry, sent: entry.id <= sentId })),
      sentId,
    ),
  );
}
