/*
 * Run by faults.test.ts: `lose-the-race.ts FOLDER`. Stores events and prints the number of each that is acknowledged;
 * in the middle somebody else fills the disk, between the question whether a batch fits and its write.
 */
import { rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { LmdbStore } from "../src/index.ts";

const [path] = process.argv.slice(2) as [string];
const store = new LmdbStore({ path });
const event = (number: number, length: number) =>
  ({ type: "append", namespace: "/", rooms: ["a"], payload: `${number}`.padEnd(length), timeMs: 1 }) as const;
const acknowledge = (number: number) => writeSync(1, `${number}\n`);

for (let number = 0; number < 20; number++) {
  await store.commit(event(number, 20_000)).durable();
  acknowledge(number);
}
const receipt = store.commit(event(20, 2_000_000));
const hog = join(path, "hog");
// The question is asked in this turn's setImmediate; the write follows on another thread.
setImmediate(() => {
  try {
    writeFileSync(hog, Buffer.alloc(12_000_000));
  } catch {
    // Which is the point.
  }
});
await receipt.durable().then(
  () => acknowledge(20),
  (error) => {
    if (error.code !== "STORE_FULL") throw error;
  },
);
rmSync(hog, { force: true });
await store.commit(event(21, 10)).durable();
acknowledge(21);
await store.close();
