import type { Subject } from "../src/contract/index.ts";
import type { MemoryStore } from "../src/index.ts";

/** A memory store under test. */
export const subject = (store: MemoryStore): Subject => ({
  store,
  crash: async () => subject(store.crash()),
  reopen: async () => {
    await store.close();
    return subject(store.reopen());
  },
  dispose: () => store.close(),
});
