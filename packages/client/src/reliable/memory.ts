import { Entries } from "./entries.ts";
import { newKey, type OutboxStorage, type StoredOutbox } from "./storage.ts";

/** Outboxes that end with the page or the process. */
export function memoryStorage(): OutboxStorage {
  const outboxes = new Map<string, StoredOutbox>();
  return {
    async open(name) {
      const known = outboxes.get(name);
      if (known) return known;
      const entries = new Entries();
      const outbox: StoredOutbox = {
        key: newKey(),
        append: async (added) => entries.append(added),
        take: async (after, count) => entries.take(after, count),
        remove: async (ids, evenSent) => entries.remove(ids, evenSent),
        list: async () => entries.list(),
        close() {},
      };
      outboxes.set(name, outbox);
      return outbox;
    },
  };
}
