import { describe, expect, it } from "vitest";
import { Room } from "../room.ts";
import { Allowance, cleanId, cleanLabel, cleanText, fold, Refusal } from "../rules.ts";

const codeOf = (work: () => unknown): string | undefined => {
  try {
    work();
  } catch (error) {
    if (error instanceof Refusal) return error.data.code;
    throw error;
  }
  return undefined;
};

describe("a label", () => {
  it("is trimmed, and has single spaces", () => {
    expect(cleanLabel("  Ada \n\t Lovelace ", "name", 24)).toBe("Ada Lovelace");
  });

  it("keeps other scripts and emoji", () => {
    for (const name of ["Ægir", "李雷", "می‌خواهم", "👩‍🚀 Sally", "🏴‍☠️"])
      expect(cleanLabel(name, "name", 24)).toBe(name);
  });

  it("loses what cannot be seen and what turns the direction of text around", () => {
    expect(cleanLabel("Ad\u200ba\u202e\u0000\ud800", "name", 24)).toBe("Ada");
    expect(cleanLabel(`a${"\u0301".repeat(20)}`, "name", 24).length).toBeLessThan(6);
  });

  it("is refused when it is empty, invisible, too long, or no text", () => {
    const bad = [
      "",
      "   ",
      "\u200b",
      "\u200d",
      "\u0301",
      "x".repeat(25),
      "x".repeat(1e6),
      7,
      null,
      undefined,
      {},
      ["Ada"],
    ];
    for (const input of bad) expect(codeOf(() => cleanLabel(input, "name", 24))).toBe("NAME_INVALID");
    expect(codeOf(() => cleanLabel("", "room", 24))).toBe("ROOM_INVALID");
  });

  it("is the same as one that differs in case or encoding only", () => {
    expect(fold("ADA")).toBe(fold("ada"));
    expect(fold("e\u0301")).toBe(fold("\u00e9"));
  });
});

describe("a text", () => {
  it("keeps its lines and indentation", () => {
    expect(cleanText("a\r\n\tb\rc  \n\n", 100)).toBe("a\n\tb\nc");
  });

  it("loses control characters and halves of characters", () => {
    expect(cleanText("a\u0000\u001b[31mb\ud83d", 100)).toBe("a[31mb");
  });

  it("is refused when it is empty, too long, or no text", () => {
    for (const input of ["", " \n", "\u0007", "x".repeat(101), 1, null, {}]) {
      expect(codeOf(() => cleanText(input, 100))).toBe("TEXT_INVALID");
    }
  });
});

describe("an id", () => {
  it("is short and plain, or refused", () => {
    expect(cleanId("0123abcd-_")).toBe("0123abcd-_");
    for (const input of ["short", "x".repeat(65), "spaces are not", 12345678, null]) {
      expect(codeOf(() => cleanId(input))).toBe("ID_INVALID");
    }
  });
});

describe("an allowance", () => {
  it("permits a burst, refuses a flood with the time to wait, and fills up again", () => {
    let now = 0;
    const allowance = new Allowance(10, 2, () => now);
    allowance.spend(5);
    allowance.spend(5);
    expect(() => allowance.spend(1)).toThrow(
      expect.objectContaining({ data: { code: "TOO_FAST", retryAfterMs: 500 } }),
    );
    now = 500;
    allowance.spend(1);
    now = 1_000_000;
    allowance.spend(10);
    expect(codeOf(() => allowance.spend(1))).toBe("TOO_FAST");
  });
});

describe("a room", () => {
  const ada = { name: "Ada", key: "key-of-ada" };
  const roomOf = (count: number) => {
    const room = new Room("r", null, { peopleInRoom: 9, messagesKept: 5, page: 3 });
    for (let i = 1; i <= count; i++) room.say(ada, `id-${i}`, `m${i}`);
    return room;
  };
  const texts = (messages: { text: string }[]) => messages.map(({ text }) => text);

  it("gives the latest page to somebody new", () => {
    const { messages, earlier, gap } = roomOf(4).after(null);
    expect({ texts: texts(messages), earlier, gap }).toEqual({
      texts: ["m2", "m3", "m4"],
      earlier: true,
      gap: false,
    });
  });

  it("gives all that was missed since a position, and nothing twice", () => {
    const room = roomOf(1);
    const { position } = room.after(null).messages[0]!;
    for (let i = 2; i <= 6; i++) room.say(ada, `id-${i}`, `m${i}`);
    const { messages, gap } = room.after(position);
    expect({ texts: texts(messages), gap }).toEqual({ texts: ["m2", "m3", "m4", "m5", "m6"], gap: false });
    expect(room.after(messages.at(-1)?.position)).toEqual({ messages: [], earlier: true, gap: false });
  });

  it("tells of a gap when what was missed is no longer kept", () => {
    const room = roomOf(1);
    const { position } = room.after(null).messages[0]!;
    for (let i = 2; i <= 7; i++) room.say(ada, `id-${i}`, `m${i}`);
    expect(room.after(position).gap).toBe(true);
    expect(room.before(position)).toEqual({ messages: [], earlier: false });
  });

  it("tells of a gap when the position is from another life of the room, or made up", () => {
    const { position } = roomOf(1).after(null).messages[0]!;
    for (const since of [position, "x", ":", "0:0", "__proto__:1"])
      expect(roomOf(2).after(since).gap).toBe(true);
  });

  it("pages backwards until its beginning", () => {
    const room = roomOf(5);
    const { messages } = room.after(null);
    const page = room.before(messages[0]?.position);
    expect({ texts: texts(page.messages), earlier: page.earlier }).toEqual({
      texts: ["m1", "m2"],
      earlier: false,
    });
    for (const junk of [null, undefined, 7, {}, "x"]) expect(room.before(junk).messages).toEqual([]);
  });

  it("knows a message that is sent again, and keeps people apart who use the same id", () => {
    const room = roomOf(1);
    expect(room.say(ada, "id-1", "again").isNew).toBe(false);
    expect(room.say({ name: "Bob", key: "key-of-bob" }, "id-1", "mine").isNew).toBe(true);
    expect(texts(room.after(null).messages)).toEqual(["m1", "mine"]);
  });
});
