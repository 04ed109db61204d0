import { expect, it } from "vitest";
import { Deadlines, type Timed } from "../src/engine/heartbeat.ts";

const entry = (onDeadline: () => void): Timed => ({
  deadline: 0,
  earlier: undefined,
  later: undefined,
  deadlines: undefined,
  onDeadline,
});

it("A delay longer than a timer can wait does not make it fire again and again.", async () => {
  const warnings: string[] = [];
  const onWarning = ({ name }: Error) => void warnings.push(name);
  process.on("warning", onWarning);
  const deadlines = new Deadlines(2 ** 40);
  const timed = entry(() => {});
  deadlines.add(timed);
  await new Promise(setImmediate);
  deadlines.remove(timed);
  process.off("warning", onWarning);
  expect(warnings).toEqual([]);
});

it("Who is due next is called although the one before threw.", async () => {
  const catchers = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  const caught = new Promise((resolve) => process.once("uncaughtException", resolve));
  const deadlines = new Deadlines(1);
  deadlines.add(
    entry(() => {
      throw new Error("thrown by a listener");
    }),
  );
  await new Promise<void>((resolve) => deadlines.add(entry(resolve)));
  expect(await caught).toMatchObject({ message: "thrown by a listener" });
  for (const catcher of catchers) process.on("uncaughtException", catcher);
});
