import {
  Decoder,
  decodePayload,
  Encoder,
  encodeFrameText,
  type FrameType,
  frameTypes,
  type Packet,
  PacketType,
  SEPARATOR,
} from "@holdfast/protocol";
import * as engineParser from "engine.io-parser";
import fc from "fast-check";
import * as ioParser from "socket.io-parser";
import { describe, expect, test } from "vitest";

// Our codecs against those of Socket.IO, on random input: the same bytes out, the same values in.
const runs = { numRuns: 2000, seed: 4 };

interface Outcome {
  packets: { type: number; nsp: string; id?: number | undefined; data?: unknown }[];
  failed: boolean;
}

interface AnyDecoder {
  on(event: "decoded", listener: (packet: Packet) => void): unknown;
  add(chunk: unknown): void;
}

/** Stock typings know `decoded` as an event of an untyped emitter. */
const stockDecoder = () => new ioParser.Decoder() as unknown as AnyDecoder;

function outcome(decoder: AnyDecoder, chunks: readonly unknown[]): Outcome {
  const packets: Outcome["packets"] = [];
  decoder.on("decoded", ({ type, nsp, id, data }: Packet) => packets.push({ type, nsp, id, data }));
  try {
    for (const chunk of chunks) decoder.add(chunk);
    return { packets, failed: false };
  } catch {
    return { packets, failed: true };
  }
}

const binary = fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes));
const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: "binary" }),
    fc.double(),
    fc.boolean(),
    fc.constantFrom(null, undefined, new Date(0)),
    binary,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.string(), tie("value"), { maxKeys: 3 }),
  ),
})).value;

const packet = fc.record({
  type: fc.constantFrom(PacketType.EVENT, PacketType.ACK),
  nsp: fc.constantFrom("/", "/admin", "/a b", "/é?x=1"),
  id: fc.option(fc.nat(), { nil: undefined }),
  data: fc.array(value, { minLength: 1, maxLength: 4 }),
});

/** Nearly valid text: what mutation finds more bugs with than noise. */
const almost = fc
  .tuple(
    fc.constantFrom("0", "1", "2", "3", "4", "51-", "52-", "61-", "7", ""),
    fc.constantFrom("", "/", "/admin", "/admin,", "/,", ",", "//"),
    fc.constantFrom("", "0", "1", "007", "99999999999999999999", "-1", "1.5"),
    fc.constantFrom(
      "",
      "[]",
      "{}",
      '["a"]',
      "[1]",
      '["connect"]',
      '["disconnecting"]',
      '["a",{"_placeholder":true,"num":0}]',
      '["a",{"_placeholder":true,"num":1}]',
      '["a",{"_placeholder":1,"num":0}]',
      '{"_placeholder":true,"num":0}',
      '"text"',
      "null",
      "[null]",
      '["a",',
      '{"message":"no"}',
    ),
    fc.constantFrom("", "", "", "x", "\u0000", "]"),
  )
  .map((parts) => parts.join(""));

describe("the codecs agree with Socket.IO's", () => {
  test("packets are encoded to the same text and attachments", () => {
    fc.assert(
      fc.property(packet, (original) => {
        expect(new Encoder().encode(original)).toEqual(new ioParser.Encoder().encode(original as never));
      }),
      runs,
    );
  });

  test("what Socket.IO encodes is decoded to the same packet", () => {
    fc.assert(
      fc.property(packet, (original) => {
        const chunks = new ioParser.Encoder().encode(original as never);
        expect(outcome(new Decoder(), chunks)).toEqual(outcome(stockDecoder(), chunks));
      }),
      runs,
    );
  });

  test("whatever we accept, Socket.IO accepts, with the same meaning", () => {
    const chunks = fc.array(fc.oneof(almost, fc.string({ unit: "binary" }), binary), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(chunks, (input) => {
        const ours = outcome(new Decoder(), input);
        if (ours.failed) return;
        expect(ours).toEqual(outcome(stockDecoder(), input));
      }),
      { ...runs, numRuns: 10_000 },
    );
  });

  test("what Socket.IO accepts, we accept", () => {
    fc.assert(
      fc.property(almost, (text) => {
        // an event without even a name, or an ack without its array, is nothing that an encoder makes
        if (/^[2-6](\d-)?(\/[^,]*)?,?\d*$/.test(text)) return;
        const stock = outcome(stockDecoder(), [text]);
        const ours = outcome(new Decoder(), [text]);
        expect({ text, failed: ours.failed }).toEqual({ text, failed: stock.failed });
      }),
      { ...runs, numRuns: 10_000 },
    );
  });

  test("payloads of polling are encoded to the same text", () => {
    const frame = fc.oneof(
      fc.record({ type: fc.constantFrom(...frameTypes), data: fc.string({ unit: "binary" }) }),
      fc.record({ type: fc.constant<FrameType>("message"), data: binary }),
    );
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 5 }), (frames) => {
        let stock = "";
        engineParser.encodePayload(frames, (text) => {
          stock = text;
        });
        expect(frames.map(({ type, data }) => encodeFrameText(type, data)).join(SEPARATOR)).toBe(stock);
      }),
      runs,
    );
  });

  test("any payload is decoded to the same frames", () => {
    const record = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[0-9b][a-zA-Z0-9+/=]{0,8}$/));
    fc.assert(
      fc.property(fc.array(record, { maxLength: 5 }), (records) => {
        const payload = records.join(SEPARATOR);
        const show = ({ type, data }: { type: string; data?: unknown }) => ({
          type,
          data: data instanceof Uint8Array ? Buffer.from(data) : data,
        });
        expect(decodePayload(payload).map(show)).toEqual(engineParser.decodePayload(payload).map(show));
      }),
      { ...runs, numRuns: 5000 },
    );
  });
});
