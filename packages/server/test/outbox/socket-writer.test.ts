import { Writable } from "node:stream";
import { expect, it } from "vitest";
import { SocketWriter } from "../../src/outbox/index.ts";

/** A stream whose reader takes one write at a time, when told. */
function slowStream() {
  const taken: Buffer[] = [];
  let take = () => {};
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      taken.push(chunk);
      take = done;
    },
  });
  return { stream, taken, take: () => take() };
}

it("What waits for a slow reader does not keep the buffer it is a small part of.", async () => {
  const { stream, taken, take } = slowStream();
  const writer = new SocketWriter(stream as never, { onDrain: () => {} });
  writer.writeBytes([Buffer.from("first")]);
  const shared = Buffer.allocUnsafeSlow(64 * 1024).fill("x");
  writer.writeBytes([shared.subarray(10, 40)]);
  expect(writer.pendingBytes).toBe("first".length + 30);
  while (taken.length < 3) {
    take();
    await new Promise(setImmediate);
  }
  const held = taken.find((chunk) => chunk.length === 30)!;
  expect(held.toString()).toBe("x".repeat(30));
  expect(held.buffer.byteLength).toBeLessThan(100);
});

it("Nothing is written once it has finished.", () => {
  const { stream, taken } = slowStream();
  const writer = new SocketWriter(stream as never, { onDrain: () => {} });
  writer.finish();
  writer.writeBytes([Buffer.from("a")]);
  writer.writeUrgent(Buffer.from("b"));
  expect(taken).toEqual([]);
});
