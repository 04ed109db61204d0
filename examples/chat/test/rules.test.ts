import { Server, type Transaction } from "holdfast";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ChatServer, Message } from "../events.ts";
import { Room } from "../room.ts";
import { Allowance, cleanId, cleanLabel, cleanText, fold, Refusal } from "../rules.ts";

const codeOf = (work: () => unknown): string | undefined => {
  try {
    work();
  } catch (error) {
    if (error instanceof Refusal) return error.code;
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
    expect(() => allowance.spend(1)).toThrow(expect.objectContaining({ retryMs: 500 }));
    now = 500;
    allowance.spend(1);
    now = 1_000_000;
    allowance.spend(10);
    expect(() => allowance.spend(1)).toThrow("too much at once");
  });
});

describe("a room", () => {
  const ada = { name: "Ada", key: "key-of-ada" };
  const limits = { peopleInRoom: 9, page: 3 };
  const stored = { name: "r", creator: null };
  /** As it comes from a client that can't emit reliably. */
  const plain = { sequence: undefined } as Transaction;
  let io: ChatServer;
  beforeEach(() => {
    io = new Server({ store: "memory", rooms: { "chat:*": { keep: true } } });
  });
  afterEach(() => io.close());

  const say = async (room: Room, first: number, last: number): Promise<Message[]> => {
    const said: Message[] = [];
    for (let i = first; i <= last; i++) said.push(await room.say(ada, `id-${i}`, `m${i}`, plain));
    return said;
  };
  const texts = (messages: { text: string }[]) => messages.map(({ text }) => text);

  it("knows where somebody goes on who has a message, and not one that is elsewhere or gone", async () => {
    const room = new Room(stored, limits, io);
    const forgotten = await say(room, 1, 1);
    await room.forget();
    const said = await say(room, 2, 8);
    const log = await io.in(room.channel).history();
    expect(await room.since(said[2]!.position)).toBe(log[2]!.position);
    for (const unknown of [forgotten[0]!.position, crypto.randomUUID(), "other:1", "x", "", "__proto__"])
      expect(await room.since(unknown)).toBeUndefined();
    expect([await room.hasMoreThan(6), await room.hasMoreThan(7)]).toEqual([true, false]);
  });

  it("pages backwards from the newest until its beginning", async () => {
    const room = new Room(stored, limits, io);
    const said = await say(room, 1, 7);
    const newest = await room.before();
    expect([texts(newest.messages), newest.earlier]).toEqual([["m5", "m6", "m7"], true]);
    expect(texts((await room.before(said[4]!.position)).messages)).toEqual(["m2", "m3", "m4"]);
    const page = await room.before(newest.messages[0]!.position);
    expect([texts(page.messages), page.earlier]).toEqual([["m2", "m3", "m4"], true]);
    const older = await room.before(page.messages[0]!.position);
    expect([texts(older.messages), older.earlier]).toEqual([["m1"], false]);
    for (const none of ["x", null, 7, {}, crypto.randomUUID()])
      await expect(room.before(none)).rejects.toMatchObject({ code: "POSITION_INVALID" });
  });

  it("knows a message that is sent again, also in another life of its process", async () => {
    const room = new Room(stored, limits, io);
    const [first] = await say(room, 1, 1);
    expect(await room.say(ada, "id-1", "again", plain)).toEqual(first);
    const later = new Room(stored, limits, io);
    await later.load();
    expect(await later.say(ada, "id-1", "again", plain)).toEqual(first);
    await later.say({ name: "Bob", key: "key-of-bob" }, "id-1", "mine", plain);
    expect(texts((await later.before()).messages)).toEqual(["m1", "mine"]);
  });
});
