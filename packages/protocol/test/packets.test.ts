import { describe, expect, test } from "vitest";
import { Decoder, Encoder, isReservedEvent, type Packet, PacketType, protocol } from "../src/index.ts";
import { fc } from "./fast-check.ts";

const encode = (packet: Packet) => new Encoder().encode(packet);

/** The packets that come of these chunks. */
function decode(...chunks: unknown[]): Packet[] {
  const packets: Packet[] = [];
  const decoder = new Decoder();
  decoder.on("decoded", (packet) => packets.push(packet));
  for (const chunk of chunks) decoder.add(chunk);
  return packets;
}

test("the protocol is revision 5", () => {
  expect(protocol).toBe(5);
});

describe("packets without binary", () => {
  test.each<[string, Packet]>([
    ["0", { type: PacketType.CONNECT, nsp: "/" }],
    ['0{"token":"123"}', { type: PacketType.CONNECT, nsp: "/", data: { token: "123" } }],
    ["0/admin,", { type: PacketType.CONNECT, nsp: "/admin" }],
    ['0/admin,{"token":"123"}', { type: PacketType.CONNECT, nsp: "/admin", data: { token: "123" } }],
    ['0{"sid":"abc"}', { type: PacketType.CONNECT, nsp: "/", data: { sid: "abc" } }],
    ["1", { type: PacketType.DISCONNECT, nsp: "/" }],
    ["1/admin,", { type: PacketType.DISCONNECT, nsp: "/admin" }],
    ['2["hello"]', { type: PacketType.EVENT, nsp: "/", data: ["hello"] }],
    [
      '2["hello",1,null,true,{"a":[]}]',
      { type: PacketType.EVENT, nsp: "/", data: ["hello", 1, null, true, { a: [] }] },
    ],
    [
      '2/admin,456["project:delete",123]',
      { type: PacketType.EVENT, nsp: "/admin", id: 456, data: ["project:delete", 123] },
    ],
    ['20["a"]', { type: PacketType.EVENT, nsp: "/", id: 0, data: ["a"] }],
    [
      '2[1,"a number is a name too"]',
      { type: PacketType.EVENT, nsp: "/", data: [1, "a number is a name too"] },
    ],
    ['2["\\u2028€👍\\n\\""]', { type: PacketType.EVENT, nsp: "/", data: ['\u2028€👍\n"'] }],
    ["3/admin,456[]", { type: PacketType.ACK, nsp: "/admin", id: 456, data: [] }],
    ['31["ok"]', { type: PacketType.ACK, nsp: "/", id: 1, data: ["ok"] }],
    [
      '4{"message":"Not authorized"}',
      { type: PacketType.CONNECT_ERROR, nsp: "/", data: { message: "Not authorized" } },
    ],
    ['4/admin,{"message":"no"}', { type: PacketType.CONNECT_ERROR, nsp: "/admin", data: { message: "no" } }],
    ['4"why"', { type: PacketType.CONNECT_ERROR, nsp: "/", data: "why" }],
  ])("%s", (text, packet) => {
    expect(decode(text)).toEqual([packet]);
    const [encoded, ...attachments] = encode(packet);
    expect(JSON.parse(`[${JSON.stringify(encoded)}]`)[0].replace("\u2028", "\\u2028")).toBe(text);
    expect(attachments).toEqual([]);
  });

  test("undefined and null have the meaning that JSON gives them", () => {
    expect(encode({ type: PacketType.EVENT, nsp: "/", data: ["a", undefined, null] })).toEqual([
      '2["a",null,null]',
    ]);
    expect(encode({ type: PacketType.CONNECT, nsp: "/", data: null })).toEqual(["0"]);
  });

  test("toJSON is honoured", () => {
    const date = new Date(0);
    expect(encode({ type: PacketType.EVENT, nsp: "/", data: ["a", date] })).toEqual([
      '2["a","1970-01-01T00:00:00.000Z"]',
    ]);
  });

  test("what JSON cannot say throws", () => {
    const cycle: unknown[] = ["a"];
    cycle.push({ cycle });
    expect(() => encode({ type: PacketType.EVENT, nsp: "/", data: ["a", 1n] })).toThrow(TypeError);
    expect(() => encode({ type: PacketType.EVENT, nsp: "/", data: cycle })).toThrow();
  });

  test("a namespace may carry a query", () => {
    expect(decode('2/chat?token=1,["a"]')).toEqual([
      { type: PacketType.EVENT, nsp: "/chat?token=1", data: ["a"] },
    ]);
  });
});

describe("packets with binary", () => {
  const buffer = Buffer.from([1, 2, 3]);

  test("attachments follow the text, which counts them and holds numbered places", () => {
    expect(encode({ type: PacketType.EVENT, nsp: "/", data: ["a", buffer] })).toEqual([
      '51-["a",{"_placeholder":true,"num":0}]',
      buffer,
    ]);
    const view = new Uint8Array([9]);
    expect(
      encode({ type: PacketType.ACK, nsp: "/admin", id: 7, data: [{ a: [buffer, view] }, buffer] }),
    ).toEqual([
      '63-/admin,7[{"a":[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]},{"_placeholder":true,"num":2}]',
      buffer,
      view,
      buffer,
    ]);
  });

  test.each([
    ["a Buffer", Buffer.from([1, 2])],
    ["an ArrayBuffer", new Uint8Array([1, 2]).buffer],
    ["a Uint8Array", new Uint8Array([1, 2])],
    ["a DataView", new DataView(new Uint8Array([1, 2]).buffer)],
    ["an empty Buffer", Buffer.alloc(0)],
  ])("%s is an attachment as it is", (_, binary) => {
    const [text, attachment] = encode({ type: PacketType.EVENT, nsp: "/", data: [binary] });
    expect(text).toBe('51-[{"_placeholder":true,"num":0}]');
    expect(attachment).toBe(binary);
  });

  test("the application's own objects are not changed by encoding", () => {
    const data = ["a", { nested: { buffer } }];
    encode({ type: PacketType.EVENT, nsp: "/", data });
    expect(data).toEqual(["a", { nested: { buffer } }]);
  });

  test("binary within what toJSON returns is found", () => {
    const data = ["a", { toJSON: () => ({ buffer }) }];
    expect(encode({ type: PacketType.EVENT, nsp: "/", data })).toEqual([
      '51-["a",{"buffer":{"_placeholder":true,"num":0}}]',
      buffer,
    ]);
  });

  test("a Buffer's bytes are not turned into JSON on the way, and attachments are numbered as they are met", () => {
    const watched = Buffer.from([1]);
    watched.toJSON = () => {
      throw new Error("asked for an array of numbers");
    };
    const first = Buffer.from([2]);
    expect(
      encode({ type: PacketType.EVENT, nsp: "/", data: [{ a: first }, watched, { b: [watched] }] }),
    ).toEqual([
      '53-[{"a":{"_placeholder":true,"num":0}},{"_placeholder":true,"num":1},{"b":[{"_placeholder":true,"num":2}]}]',
      first,
      watched,
      watched,
    ]);
  });

  test("text and attachments decode to a packet of the plain type", () => {
    expect(decode('51-["a",{"_placeholder":true,"num":0}]', buffer)).toEqual([
      { type: PacketType.EVENT, nsp: "/", data: ["a", buffer], attachments: undefined },
    ]);
    expect(
      decode(
        '62-/admin,7[{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]',
        Buffer.from([0]),
        Buffer.from([1]),
      )[0],
    ).toMatchObject({
      type: PacketType.ACK,
      nsp: "/admin",
      id: 7,
      data: [Buffer.from([1]), Buffer.from([0])],
    });
  });

  test("nothing is decoded before the last attachment", () => {
    const packets: Packet[] = [];
    const decoder = new Decoder();
    decoder.on("decoded", (packet) => packets.push(packet));
    decoder.add('52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    expect(packets).toEqual([]);
    decoder.add(buffer);
    expect(packets).toEqual([]);
    decoder.add(buffer);
    expect(packets).toHaveLength(1);
    decoder.add('2["next"]');
    expect(packets).toHaveLength(2);
  });

  test("one attachment may stand in several places", () => {
    const place = '{"_placeholder":true,"num":0}';
    expect(decode(`51-["a",${place},${place}]`, buffer)[0]?.data).toEqual(["a", buffer, buffer]);
  });

  test("ten attachments are allowed, more only if configured", () => {
    expect(() => decode('510-["a"]')).not.toThrow();
    expect(() => decode('511-["a"]')).toThrow("illegal attachments");
    expect(() => new Decoder({ maxAttachments: 11 }).add('511-["a"]')).not.toThrow();
    expect(() => new Decoder({ maxAttachments: 1 }).add('52-["a"]')).toThrow("illegal attachments");
  });

  test("destroy forgets a packet whose attachments have not come", () => {
    const decoder = new Decoder();
    const packets: Packet[] = [];
    decoder.on("decoded", (packet) => packets.push(packet));
    decoder.add('51-["a",{"_placeholder":true,"num":0}]');
    decoder.destroy();
    decoder.add('2["b"]');
    expect(packets).toEqual([{ type: PacketType.EVENT, nsp: "/", data: ["b"] }]);
    expect(() => decoder.add(buffer)).toThrow("illegal attachments");
  });
});

describe("what the protocol does not allow throws", () => {
  test.each<[string, RegExp]>([
    ["", /invalid payload/],
    ["7", /invalid payload/],
    ["9[]", /invalid payload/],
    ["x", /invalid payload/],
    ["/2", /invalid payload/],
    ["-1", /invalid payload/],
    ["\u00002", /invalid payload/],
    ["0[]", /invalid payload/],
    ["0null", /invalid payload/],
    ['0"a"', /invalid payload/],
    ['0{"a"', /JSON/],
    ["1{}", /invalid payload/],
    ["1/,{}", /invalid payload/],
    ["2{}", /invalid payload/],
    ["2[]", /invalid payload/],
    ["2[null]", /invalid payload/],
    ["2[{}]", /invalid payload/],
    ["2[[]]", /invalid payload/],
    ["2[true]", /invalid payload/],
    ["2null", /invalid payload/],
    ['2"a"', /invalid payload/],
    ['2["a"', /JSON/],
    ['2["a"]x', /JSON/],
    ["2[,]", /JSON/],
    ['2["connect"]', /invalid payload/],
    ['2["connect_error"]', /invalid payload/],
    ['2["disconnect"]', /invalid payload/],
    ['2["disconnecting"]', /invalid payload/],
    ['2["newListener"]', /invalid payload/],
    ['2["removeListener"]', /invalid payload/],
    ["31{}", /invalid payload/],
    ['31"a"', /invalid payload/],
    ["4[]", /invalid payload/],
    ["41", /invalid payload/],
    ["5", /illegal attachments/],
    ["5[]", /illegal attachments/],
    ["5-[]", /illegal attachments/],
    ["50-[]", /illegal attachments/],
    ["5-1-[]", /illegal attachments/],
    ["51.5-[]", /illegal attachments/],
    ["5abc-[]", /illegal attachments/],
    ["5Infinity-[]", /illegal attachments/],
    ["5999999999999-[]", /invalid payload/],
    ['51-["connect"]', /invalid payload/],
    ["51-{}", /invalid payload/],
  ])("%j", (text, message) => {
    expect(() => decode(text)).toThrow(message);
  });

  test("binary that nobody announced", () => {
    expect(() => decode(Buffer.from([1]))).toThrow("illegal attachments");
    expect(() => decode('2["a"]', Buffer.from([1]))).toThrow("illegal attachments");
  });

  test("text where an attachment is due", () => {
    expect(() => decode('51-["a",{"_placeholder":true,"num":0}]', '2["a"]')).toThrow("illegal attachments");
  });

  test.each([-1, 1, 0.5, 1e9, "null", '"length"', "true"])("a place numbered %s", (num) => {
    expect(() => decode(`51-["a",{"_placeholder":true,"num":${num}}]`, Buffer.from([1]))).toThrow(
      "illegal attachments",
    );
  });

  test.each([1, undefined, null, {}, true, [], Symbol("x")])(
    "a chunk that is neither text nor bytes",
    (chunk) => {
      expect(() => decode(chunk)).toThrow();
    },
  );

  test("reserved names are known", () => {
    for (const name of [
      "connect",
      "connect_error",
      "disconnect",
      "disconnecting",
      "newListener",
      "removeListener",
    ]) {
      expect(isReservedEvent(name)).toBe(true);
    }
    for (const name of ["error", "message", "__proto__", 1, undefined])
      expect(isReservedEvent(name)).toBe(false);
  });

  test("__proto__ in an event changes no prototype", () => {
    const [packet] = decode(
      '51-["a",{"__proto__":{"polluted":true},"b":{"_placeholder":true,"num":0}}]',
      Buffer.from([1]),
    );
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    const [, argument] = packet!.data as [string, object];
    expect(Object.getPrototypeOf(argument)).toBe(Object.prototype);
  });

  test("a very deep event throws at worst a RangeError, and the next one decodes", () => {
    const deep = `51-["a",${"[".repeat(50_000)}${"]".repeat(50_000)}]`;
    const decoder = new Decoder();
    const packets: Packet[] = [];
    decoder.on("decoded", (packet) => packets.push(packet));
    try {
      decoder.add(deep);
      decoder.add(Buffer.from([1]));
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
    }
    decoder.destroy();
    packets.length = 0;
    decoder.add('2["next"]');
    expect(packets).toHaveLength(1);
  });
});

describe("properties", () => {
  const binary = fc.uint8Array({ maxLength: 8 }).map((array) => Buffer.from(array));
  const json = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.string({ unit: "binary" }),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(
        fc.string().filter((key) => key !== "__proto__" && key !== "toJSON"),
        tie("value"),
        { maxKeys: 4, noNullPrototype: true },
      ),
      binary,
    ),
  })).value;
  const nsp = fc.constantFrom("/", "/admin", "/a/b", "/é");
  const id = fc.option(fc.nat(), { nil: undefined });
  const name = fc.string({ unit: "binary" }).filter((text) => !isReservedEvent(text));
  const packet = fc.oneof(
    fc.record({ type: fc.constant(PacketType.EVENT), nsp, id, data: fc.tuple(name, json, json) }),
    fc.record({
      type: fc.constant(PacketType.ACK),
      nsp,
      id: fc.nat(),
      data: fc.array(json, { maxLength: 3 }),
    }),
  );

  test("what is encoded decodes to itself", () => {
    fc.assert(
      fc.property(packet, (original) => {
        const chunks = encode(original);
        if (chunks.length > 11) return; // over the limit of attachments
        const [decoded, ...more] = decode(...chunks);
        expect(more).toEqual([]);
        expect(decoded).toMatchObject({ type: original.type, nsp: original.nsp, data: original.data });
        expect(decoded?.id).toBe(original.id);
      }),
    );
  });

  test("text that is cut anywhere decodes, if at all, to an event of the same name space", () => {
    fc.assert(
      fc.property(packet, fc.nat(), (original, at) => {
        const [text] = encode(original);
        const cut = text.slice(0, at % (text.length + 1));
        try {
          decode(cut);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });

  test("any text and any bytes give packets or an Error", () => {
    const chunk = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.stringMatching(/^[0-6]([1-9]-)?(\/[a-z]*,)?\d*[[{"].*$/),
      binary,
    );
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 5 }), (chunks) => {
        try {
          decode(...chunks);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });
});
