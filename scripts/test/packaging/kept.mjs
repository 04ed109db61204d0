import assert from "node:assert";
import { Server } from "holdfast";

const options = { store: "./data", rooms: { "kept:*": { keep: { events: 10 } } } };
for (const expected of [["one"], ["one", "two"]]) {
  const io = new Server(0, options);
  await io.to("kept:a").publish("said", expected.at(-1));
  const events = await io.in("kept:a").history({ limit: 10 });
  assert.deepEqual(
    events.map(({ args }) => args[0]),
    expected,
  );
  await io.close();
}
console.log("ok");
