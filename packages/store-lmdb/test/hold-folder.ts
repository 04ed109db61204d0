// Run by tests: opens the store in a folder, stores one event, says so, and stays.
import { LmdbStore } from "../src/index.ts";

const store = new LmdbStore({ path: process.argv[2]! });
await store.commit({ type: "append", namespace: "/", rooms: ["a"], payload: "held", timeMs: 1 }).durable();
process.stdout.write("holding\n");
setInterval(() => {}, 1000);
