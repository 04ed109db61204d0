/*
 * Run by crash tests: `publish-until-killed.ts FOLDER ROUND`. Four publishers store numbered events, in rooms of their
 * own and in one that all share, together with a record of the last number; each number is printed once its commit
 * is acknowledged.
 */
import { writeSync } from "node:fs";
import { LmdbStore } from "../src/index.ts";

const [path, round] = process.argv.slice(2) as [string, string];
const store = new LmdbStore({ path });
await store.opened;
await Promise.all([0, 1, 2, 3].map(publish));

async function publish(publisher: number): Promise<void> {
  const key = `${round}:${publisher}`;
  for (let number = 0; ; ) {
    const receipts = Array.from({ length: 1 + Math.floor(Math.random() * 20) }, () => {
      const payload = `${key}:${number}`.padEnd(Math.random() * 400);
      const rooms = number % 3 === 0 ? [`room${publisher}`, "all"] : [`room${publisher}`];
      const receipt = store.commit([
        { type: "append", namespace: "/", rooms, payload, timeMs: Date.now() },
        { type: "put", kind: "last", key, value: `${number}` },
      ]);
      number++;
      return receipt;
    });
    await Promise.all(receipts.map((receipt) => receipt.durable()));
    // Synchronously: what is printed was acknowledged, whenever the signal comes.
    writeSync(
      1,
      receipts.map(({ offset }, i) => `${key}:${number - receipts.length + i} ${offset}\n`).join(""),
    );
  }
}
