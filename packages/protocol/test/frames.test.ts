import { describe, expect, test } from "vitest";
import {
  decodeFrame,
  decodePayload,
  encodeFrame,
  encodeFrameText,
  type FrameData,
  frameTypes,
  SEPARATOR,
} from "../src/index.ts";
import { fc } from "./fast-check.ts";

const bytes = (...values: number[]) => new Uint8Array(values);
const plain = (data: FrameData | undefined) =>
  data === undefined || typeof data === "string"
    ? data
    : [
        ...new Uint8Array(
          ArrayBuffer.isView(data)
            ? data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)
            : data,
        ),
      ];

describe("frames as WebSocket messages", () => {
  test.each([
    ["open", '{"sid":"abc"}', '0{"sid":"abc"}'],
    ["close", "", "1"],
    ["ping", "", "2"],
    ["ping", "probe", "2probe"],
    ["pong", "probe", "3probe"],
    ["message", "hello", "4hello"],
    ["message", "", "4"],
    ["message", "€ 👍", "4€ 👍"],
    ["upgrade", "", "5"],
    ["noop", "", "6"],
  ] as const)("%s with %j is %j", (type, data, encoded) => {
    expect(encodeFrame(type, data)).toBe(encoded);
    expect(encodeFrameText(type, data)).toBe(encoded);
    expect(decodeFrame(encoded)).toEqual(data === "" ? { type } : { type, data });
  });

  test("bytes stay as they are, the same object", () => {
    const data = bytes(1, 2, 3);
    expect(encodeFrame("message", data)).toBe(data);
    expect(decodeFrame(data).data).toBe(data);
    expect(decodeFrame(data).type).toBe("message");
    expect(decodeFrame(new ArrayBuffer(2)).type).toBe("message");
  });

  test("the digits are the places in frameTypes", () => {
    for (const [digit, type] of frameTypes.entries()) expect(encodeFrame(type)).toBe(String(digit));
  });

  test.each([
    "",
    "7",
    "8",
    "9",
    "a",
    "/",
    ":",
    "-",
    " 4a",
    "\u00004",
    "é",
    "＄",
    "４",
    "👍",
    "__proto__",
    "length",
    "\x1e",
  ])("%j is an error", (encoded) => {
    expect(decodeFrame(encoded)).toEqual({ type: "error", data: "parser error" });
  });
});

describe("frames as text", () => {
  test.each<[FrameData, string]>([
    [bytes(1, 2, 3, 4), "bAQIDBA=="],
    [bytes(), "b"],
    [bytes(255), "b/w=="],
    [bytes(0xfb, 0xff), "b+/8="],
    [bytes(9, 9, 1, 2, 3, 4, 9).subarray(2, 6), "bAQIDBA=="],
    [bytes(1, 2, 3, 4).buffer, "bAQIDBA=="],
    [new DataView(bytes(0, 1, 2, 3, 4).buffer, 1), "bAQIDBA=="],
    [new Uint16Array([0x0201, 0x0403]), "bAQIDBA=="],
  ])("binary is b and base64: %j", (data, encoded) => {
    expect(encodeFrameText("message", data)).toBe(encoded);
    expect(decodeFrame(encoded).type).toBe("message");
    expect(plain(decodeFrame(encoded).data)).toEqual(plain(data));
  });

  test("in Node what is not base64 is skipped, as Socket.IO does", () => {
    expect(plain(decodeFrame("b!!AQ==").data)).toEqual([1]);
    expect(plain(decodeFrame("b====").data)).toEqual([]);
  });
});

describe("payloads", () => {
  test("the separator is the record separator", () => {
    expect(SEPARATOR).toBe("\x1e");
  });

  test.each([
    ["4a", ["message a"]],
    ["4a\x1e4b", ["message a", "message b"]],
    ["2\x1e4a\x1ebAQI=\x1e6", ["ping", "message a", "message 1,2", "noop"]],
    ["", ["error parser error"]],
    ["\x1e", ["error parser error"]],
    ["4a\x1e", ["message a", "error parser error"]],
    ["4a\x1e\x1e4b", ["message a", "error parser error"]],
    ["x\x1e4b", ["error parser error"]],
    ["4a\x1ex\x1e4b\x1ey", ["message a", "error parser error"]],
  ])("%j decodes to %j, and ends at the first error", (payload, expected) => {
    const frames = decodePayload(payload).map(({ type, data }) => {
      const shown = plain(data);
      return shown === undefined ? type : `${type} ${shown}`;
    });
    expect(frames).toEqual(expected);
  });

  test("a payload of a million separators ends at once", () => {
    expect(decodePayload(SEPARATOR.repeat(1_000_000))).toHaveLength(1);
  });
});

describe("properties", () => {
  const frame = fc.oneof(
    fc.record({ type: fc.constantFrom(...frameTypes), data: fc.string({ unit: "binary" }) }),
    fc.record({ type: fc.constant("message" as const), data: fc.uint8Array() }),
  );

  test("what is encoded for a WebSocket decodes to itself", () => {
    fc.assert(
      fc.property(frame, ({ type, data }) => {
        const decoded = decodeFrame(encodeFrame(type, data));
        expect(decoded.type).toBe(type);
        expect(plain(decoded.data) ?? "").toEqual(plain(data));
      }),
    );
  });

  test("what is encoded as text decodes to itself", () => {
    fc.assert(
      fc.property(frame, ({ type, data }) => {
        const decoded = decodeFrame(encodeFrameText(type, data));
        expect(decoded.type).toBe(type);
        expect(plain(decoded.data) ?? "").toEqual(plain(data));
      }),
    );
  });

  test("a payload decodes to its frames, as long as no text holds a separator", () => {
    const separable = frame.filter(({ data }) => typeof data !== "string" || !data.includes(SEPARATOR));
    fc.assert(
      fc.property(fc.array(separable, { minLength: 1 }), (frames) => {
        const payload = frames.map(({ type, data }) => encodeFrameText(type, data)).join(SEPARATOR);
        const decoded = decodePayload(payload);
        expect(decoded.map(({ type }) => type)).toEqual(frames.map(({ type }) => type));
        expect(decoded.map(({ data }) => plain(data) ?? "")).toEqual(frames.map(({ data }) => plain(data)));
      }),
    );
  });

  test("any text decodes to something, and only the last frame of a payload is an error", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const frames = decodePayload(text);
        expect(frames.length).toBeGreaterThan(0);
        for (const { type } of frames.slice(0, -1)) expect(type).not.toBe("error");
      }),
    );
  });
});
