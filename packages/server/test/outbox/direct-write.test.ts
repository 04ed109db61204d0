import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { SocketWriter } from "../../src/outbox/index.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Both ends of a TCP connection. The writer has learned how to pass the stream: its first write did not. */
async function connection({ isCorked = false } = {}) {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const reader = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [[socket]] = (await Promise.all([once(server, "connection"), once(reader, "connect")])) as [
    [Socket],
    unknown,
  ];
  cleanups.push(() => server.close().unref() && reader.destroy() && socket.destroy());
  let drains = 0;
  let drained = () => {};
  const writer = new SocketWriter(socket, {
    onDrain: () => {
      drains++;
      drained();
    },
  });
  if (isCorked) socket.cork();
  writer.writeBytes([Buffer.from("0")]);
  return {
    reader,
    socket,
    writer,
    drains: () => drains,
    nextDrain: () => new Promise<void>((resolve) => (drained = resolve)),
  };
}

/** Reads until `length` bytes have come. */
async function read(reader: Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of reader.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= length) break;
  }
  return Buffer.concat(chunks);
}

it("What the kernel takes at once passes the stream, and is counted as sent.", async () => {
  const { reader, socket, writer } = await connection();
  let streamed = 0;
  socket.write = () => {
    streamed++;
    return true;
  };
  writer.writeBytes([Buffer.from("1")]);
  writer.writeBytes([Buffer.from("2"), Buffer.from("3")]);
  writer.writeUrgent(Buffer.from("4"));
  expect((await read(reader, 5)).toString()).toBe("01234");
  expect(streamed).toBe(0);
  expect(writer.isIdle).toBe(true);
  expect(writer.pendingBytes).toBe(0);
  expect(socket.bytesWritten).toBe(5);
});

it("A slow reader gets everything in order, whichever way it was written.", async () => {
  const { reader, socket, writer, nextDrain } = await connection();
  const chunk = (digit: number) => Buffer.alloc(200_000, String(digit));
  let count = 0;
  while (writer.isIdle) writer.writeBytes([chunk(++count % 10)]);
  expect(writer.pendingBytes).toBeGreaterThan(0);
  const whenDrained = nextDrain();
  writer.writeBytes([Buffer.from("A")]);
  socket.write("B"); // as `ws` writes a pong
  writer.writeUrgent(Buffer.from("C"));
  writer.writeBytes([Buffer.from("D")]);
  const expected = Buffer.concat([
    Buffer.from("0"),
    ...Array.from({ length: count }, (_, i) => chunk((i + 1) % 10)),
    // what waits in our hands follows what was given to the stream
    Buffer.from("BCAD"),
  ]);
  expect((await read(reader, expected.length)).equals(expected)).toBe(true);
  await whenDrained;
  expect(writer.pendingBytes).toBe(0);
});

it("A socket that is corked for the handshake keeps the order.", async () => {
  const { reader, socket, writer } = await connection({ isCorked: true });
  socket.write("a");
  writer.writeBytes([Buffer.from("b")]);
  socket.uncork();
  for (const content of "cde") writer.writeBytes([Buffer.from(content)]);
  expect((await read(reader, 6)).toString()).toBe("0abcde");
});

it("A socket that ends while bytes wait sends them first.", async () => {
  const { reader, socket, writer } = await connection();
  while (writer.isIdle) writer.writeBytes([Buffer.alloc(200_000, "x")]);
  writer.finish();
  socket.end("end");
  const chunks: Buffer[] = [];
  for await (const chunk of reader) chunks.push(chunk);
  expect(Buffer.concat(chunks).subarray(-5).toString()).toBe("xxend");
});

it("A connection that breaks is destroyed, with the bytes that wait, and nothing is written to it.", async () => {
  const { reader, socket, writer, drains } = await connection();
  const errors: (string | undefined)[] = [];
  socket.on("error", (error: NodeJS.ErrnoException) => errors.push(error.code));
  while (writer.isIdle) writer.writeBytes([Buffer.alloc(200_000)]);
  writer.writeBytes([Buffer.alloc(1000)]);
  const whenClosed = new Promise((resolve) => socket.once("close", resolve));
  reader.resetAndDestroy();
  await whenClosed;
  await new Promise(setImmediate);
  expect(errors).toHaveLength(1);
  expect(["ECONNRESET", "EPIPE"]).toContain(errors[0]);
  writer.writeBytes([Buffer.from("late")]);
  expect(drains()).toBe(0);
  expect(writer.pendingBytes).toBe(0);
});

it("A peer that is gone is found out by the next write.", async () => {
  const { reader, socket, writer } = await connection();
  socket.pause();
  const failed = once(socket, "error");
  reader.resetAndDestroy();
  await once(reader, "close");
  const timer = setInterval(() => writer.writeBytes([Buffer.from("x")]), 1);
  const [error] = (await failed) as [NodeJS.ErrnoException];
  clearInterval(timer);
  expect(["ECONNRESET", "EPIPE"]).toContain(error.code);
});
