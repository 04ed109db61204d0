import type { IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { randomFrom } from "@holdfast/core/contract";
import { describe, expect, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { receiveTexts, TARGET } from "../src/engine/transports/text-receiver.ts";

const PAYLOAD_MAX = 40_000;

interface Frame {
  opcode: number;
  payload: Buffer;
  /** The bits before the opcode. Default 0x80: final. */
  bits?: number;
  isMasked?: boolean;
  /** How its length is written. Default: as short as can be. */
  form?: 16 | 64;
}

function bytesOf({ opcode, payload, bits = 0x80, isMasked = true, form }: Frame, mask: Buffer): Buffer {
  const { length } = payload;
  const masked = isMasked ? 0x80 : 0;
  let header: Buffer;
  if (form === 64 || length > 65535) {
    header = Buffer.alloc(10);
    header[1] = masked | 127;
    header.writeBigUInt64BE(BigInt(length), 2);
  } else if (form === 16 || length > 125) {
    header = Buffer.alloc(4);
    header[1] = masked | 126;
    header.writeUInt16BE(length, 2);
  } else header = Buffer.from([0, masked | length]);
  header[0] = bits | opcode;
  if (!isMasked) return Buffer.concat([header, payload]);
  return Buffer.concat([header, mask, payload.map((byte, i) => byte ^ mask[i % 4]!)]);
}

const text = (content: string): Frame => ({ opcode: 1, payload: Buffer.from(content) });
const MASK = Buffer.from([1, 2, 3, 4]);
const wire = (...frames: Frame[]) => Buffer.concat(frames.map((frame) => bytesOf(frame, MASK)));

/** A server's WebSocket over a stream that a test feeds, and all that comes out of it, in order. */
function open({ isOurs = true, keepsText = false }) {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const server = new WebSocketServer({ noServer: true, maxPayload: PAYLOAD_MAX, perMessageDeflate: false });
  const request = {
    method: "GET",
    headers: {
      upgrade: "websocket",
      connection: "upgrade",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-version": "13",
    },
  } as unknown as IncomingMessage;
  let socket!: WebSocket;
  server.handleUpgrade(request, stream, Buffer.alloc(0), (opened) => {
    socket = opened;
  });
  const seen: string[] = [];
  /** Those that `ws` had no part in. */
  const direct: string[] = [];
  const target = {
    keepsText,
    receiveText: (content: string) => {
      seen.push(`text ${content}`);
      direct.push(content);
    },
  };
  Object.assign(socket, { [TARGET]: target });
  socket.on("message", (data: Buffer, isBinary) => {
    seen.push(isBinary ? `binary ${data.toString("hex")}` : `text ${data}`);
  });
  socket.on("ping", (data) => seen.push(`ping ${data}`));
  socket.on("pong", (data) => seen.push(`pong ${data}`));
  socket.on("error", (error: Error & { code?: string }) => seen.push(`error ${error.code} ${error.message}`));
  socket.on("close", (code, reason) => seen.push(`close ${code} ${reason}`));
  if (isOurs) receiveTexts(socket);
  // `ws` reads a copy: both unmask in place
  const feed = (bytes: Buffer) => stream.push(Buffer.from(bytes));
  return { stream, socket, target, seen, direct, feed };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("what one read brings", () => {
  test("is received without ws as far as it is whole texts", async () => {
    const { feed, seen, direct } = open({});
    feed(
      wire(
        text("4one"),
        text("4two"),
        { opcode: 9, payload: Buffer.from("p") },
        text("4three"),
        text("4four"),
      ),
    );
    await settled();
    expect(seen).toEqual(["text 4one", "text 4two", "ping p", "text 4three", "text 4four"]);
    expect(direct).toEqual(["4one", "4two"]);
    feed(wire(text("4five")));
    await settled();
    expect(direct).toEqual(["4one", "4two", "4five"]);
  });

  test("goes to ws from a text on that is not whole, until that is", async () => {
    const { feed, seen, direct } = open({});
    const bytes = wire(text("4one"), text("4two"), text("4three"));
    feed(bytes.subarray(0, 14));
    await settled();
    expect(seen).toEqual(["text 4one"]);
    feed(bytes.subarray(14));
    await settled();
    expect(seen).toEqual(["text 4one", "text 4two", "text 4three"]);
    expect(direct).toEqual(["4one"]);
    feed(wire(text("4four")));
    await settled();
    expect(direct).toEqual(["4one", "4four"]);
  });

  test.each([true, false])("is text in any language (kept: %s)", async (keepsText) => {
    const { feed, direct } = open({ keepsText });
    const long = "x".repeat(1000);
    feed(wire(text("4é"), text(long), text("4\u{1f600}"), text("4\u0000")));
    await settled();
    expect(direct).toEqual(["4é", long, "4\u{1f600}", "4\u0000"]);
    feed(wire(text("4a"), text(long)));
    await settled();
    expect(direct.slice(4)).toEqual(["4a", long]);
  });

  test("is refused by ws where it is not UTF-8, with all that came before it", async () => {
    const { feed, seen } = open({});
    feed(wire(text("4one"), { opcode: 1, payload: Buffer.from([0x34, 0xc3, 0x28, 0x41]) }, text("4three")));
    await settled();
    expect(seen).toEqual([
      "text 4one",
      "error WS_ERR_INVALID_UTF8 Invalid WebSocket frame: invalid UTF-8 sequence",
    ]);
  });

  test("is refused by ws where it is longer than it may be", async () => {
    const { feed, seen } = open({});
    const longest = "x".repeat(PAYLOAD_MAX);
    feed(wire(text(longest), text(`${longest}y`)));
    await settled();
    expect(seen).toEqual([
      `text ${longest}`,
      "error WS_ERR_UNSUPPORTED_MESSAGE_LENGTH Max payload size exceeded",
    ]);
  });

  test("is no more received once the client has said goodbye", async () => {
    const { feed, seen } = open({});
    feed(wire(text("4one"), { opcode: 8, payload: Buffer.from([0x03, 0xe8]) }, text("4two")));
    feed(wire(text("4three")));
    await settled();
    expect(seen).toEqual(["text 4one"]);
  });

  test("is all received although a listener throws", async () => {
    const { feed, target, seen, stream } = open({});
    const { receiveText } = target;
    target.receiveText = (content) => {
      receiveText(content);
      if (content === "4one") throw new Error("of the listener");
    };
    const bytes = wire(text("4one"), text("4two"), text("4three"));
    expect(() => stream.emit("data", bytes.subarray(0, -1))).toThrow("of the listener");
    feed(bytes.subarray(-1));
    await settled();
    expect(seen).toEqual(["text 4one", "text 4two", "text 4three"]);
  });

  test("comes before what a listener has the stream bring meanwhile", () => {
    const { target, seen, stream } = open({});
    const { receiveText } = target;
    const bytes = wire(text("4one"), text("4two"), text("4three"), text("4four"));
    target.receiveText = (content) => {
      receiveText(content);
      if (content === "4one") stream.emit("data", bytes.subarray(25));
    };
    stream.emit("data", bytes.subarray(0, 25));
    expect(seen).toEqual(["text 4one", "text 4two", "text 4three", "text 4four"]);
  });

  test("is seen by whoever listens to the messages of ws", async () => {
    const { feed, socket, direct } = open({});
    const heard: string[] = [];
    socket.on("message", (data) => heard.push(String(data)));
    feed(wire(text("4one"), text("4two")));
    await settled();
    expect(heard).toEqual(["4one", "4two"]);
    expect(direct).toEqual([]);
  });
});

test("a receiver that is not as expected is left alone", () => {
  for (const change of [
    { _state: 4 },
    { _bufferedBytes: undefined },
    { _isServer: false },
    { _maxPayload: "1" },
  ]) {
    const { socket } = open({ isOurs: false });
    const { _receiver: receiver } = socket as unknown as { _receiver: object };
    const before = Object.getPrototypeOf(receiver);
    Object.assign(receiver, change);
    receiveTexts(socket);
    expect(Object.getPrototypeOf(receiver)).toBe(before);
  }
  expect(() => receiveTexts({})).not.toThrow();
});

/** Mostly what clients send, now and then what they must not. */
function randomFrames(random: (below: number) => number): Frame[] {
  const length = [random(8), random(140), random(300), 65_500 + random(100)][
    random(40) === 0 ? 3 : random(3)
  ]!;
  const payload = Buffer.alloc(length, "4abc");
  const frame: Frame = { opcode: 1, payload };
  switch (random(60)) {
    case 0:
      return [{ opcode: 2, payload }];
    case 1:
      return [{ opcode: 9 + random(2), payload: payload.subarray(0, 125) }];
    case 2:
    case 3:
      return [{ ...frame, form: random(2) ? 16 : 64 }];
    case 4:
      return [
        { ...frame, bits: 0 },
        { opcode: random(9) === 0 ? 1 : 0, payload },
      ];
    case 5:
    case 6:
      return [text("4é\u{1f600}".repeat(random(30)))];
    case 7:
      if (random(6) === 0 && length > 0) payload[random(length)] = 0x80 + random(0x80);
      return [frame];
    case 8:
      return [random(6) === 0 ? { ...frame, isMasked: false } : frame];
    case 9:
      return [random(6) === 0 ? { ...frame, bits: 0x80 | (0x10 << random(3)) } : frame];
    case 10:
      return [random(6) === 0 ? { opcode: random(16), payload } : frame];
    case 11:
      return [random(6) === 0 ? { opcode: 8, payload: Buffer.from([3, 232 + random(30), 0x41]) } : frame];
    default:
      return [frame];
  }
}

test("any bytes in any pieces are the same messages, errors and closes as without us", async () => {
  let direct = 0;
  let errors = 0;
  for (let seed = 1; seed <= 400; seed++) {
    const random = randomFrom(seed);
    const frames = Array.from({ length: 1 + random(30) }, () => randomFrames(random))
      .flat()
      .map((frame) => bytesOf(frame, Buffer.from([random(256), random(256), random(4), random(256)])));
    const bytes = Buffer.concat(frames);
    if (random(10) === 0) bytes[random(bytes.length)]! ^= 1 << random(8);
    const ours = open({ keepsText: random(2) === 0 });
    const theirs = open({ isOurs: false });
    const largest = [10, 200, 2000, bytes.length][random(4)]!;
    for (let start = 0; start < bytes.length; ) {
      const end = start + 1 + random(largest);
      for (const { feed } of [ours, theirs]) feed(bytes.subarray(start, end));
      start = end;
      if (random(2) === 0) await settled();
    }
    await settled();
    for (const { stream } of [ours, theirs]) stream.destroy();
    await settled();
    expect(ours.seen, `seed ${seed}`).toEqual(theirs.seen);
    direct += ours.direct.length;
    errors += ours.seen.filter((what) => what.startsWith("error")).length;
  }
  expect(direct).toBeGreaterThan(500);
  expect(errors).toBeGreaterThan(50);
});
