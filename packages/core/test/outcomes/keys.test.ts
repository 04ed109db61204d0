import { describe, expect, it } from "vitest";
import {
  ManualClock,
  MemoryDisk,
  MemoryStore,
  Outcomes,
  type OutcomesLimits,
  StoreError,
} from "../../src/index.ts";
import { connect, NAMESPACE, told } from "./support.ts";

const DAY = 86_400_000;

function setup(limits: Partial<OutcomesLimits> = {}) {
  const disk = new MemoryDisk();
  const clock = new ManualClock();
  const errors: unknown[] = [];
  const open = (store: MemoryStore) =>
    new Outcomes(store, {
      limits,
      clock,
      refusal: ({ code }) => ({ payload: code }),
      onError: (error) => errors.push((error as { code?: string }).code),
    });
  const store = new MemoryStore({ disk });
  return { disk, clock, errors, store, outcomes: open(store), open };
}

/** Uses a key and leaves it. */
async function use(outcomes: Outcomes, key: string, text = key): Promise<void> {
  const connection = await connect(outcomes, key);
  await connection.send(1, () => ({ payload: text, contributions: [] }));
  connection.lose();
}

describe("a key", () => {
  it("is remembered before its first entry, so that one lost on its way runs later", async () => {
    const { outcomes, store, open } = setup();
    await connect(outcomes);
    const next = open(store.crash());
    const connection = await connect(next, "key", { again: true });
    expect(told(await connection.send(1, undefined, { again: true }))).toBe("reply to 1");
  });

  it("that is not known never runs again what may have run, and goes on behind that", async () => {
    const { outcomes, store, open } = setup();
    const first = await connect(outcomes, "key", { again: true });
    expect(told(await first.send(1, undefined, { again: true }))).toBe("unknown");
    expect(told(await first.send(2, undefined, { again: true }))).toBe("unknown");
    const next = open(store.crash());
    const second = await connect(next, "key", { again: true });
    expect(told(await second.send(2, undefined, { again: true }))).toBe("unknown");
    expect(told(await second.send(3))).toBe("reply to 3");
    expect(told(await second.send(4, undefined, { again: true }))).toBe("reply to 4");
    expect(told(await second.send(2, undefined, { again: true }))).toBe("unknown");
    expect([first.runs, second.runs]).toEqual([[], [3, 4]]);
  });

  it("knows its outcomes after a crash", async () => {
    const { outcomes, store, open } = setup();
    const connection = await connect(outcomes);
    await Promise.all([1, 2, 5].map((sequence) => connection.send(sequence)));
    const next = await connect(open(store.crash()), "key", { again: true });
    const answers = [1, 2, 5, 6].map((sequence) => next.send(sequence, undefined, { again: true }));
    expect((await Promise.all(answers)).map(told)).toEqual([1, 2, 5, 6].map((n) => `reply to ${n}`));
    expect(told(await next.send(3))).toBe("unknown");
    expect(next.runs).toEqual([6]);
  });

  it("stands nowhere in the store, and counts for one namespace", async () => {
    const { outcomes, store } = setup();
    await use(outcomes, "secret");
    const other = await outcomes.claim({ namespace: "/b", key: "secret", user: undefined, again: false });
    expect(other).not.toBeTypeOf("string");
    expect(outcomes.keys).toBe(2);
    for (const kind of ["outcomes:mark", "outcomes:reply"]) {
      const { records } = await store.records({ kind });
      expect(records.length).toBeGreaterThan(0);
      expect(records.some(({ key }) => key.includes("secret"))).toBe(false);
    }
  });

  it("belongs to the user who came with it first", async () => {
    const { outcomes, store, open } = setup();
    const claim = (user: string | null | undefined, from = outcomes) =>
      from.claim({ namespace: NAMESPACE, key: "key", user, again: false });
    expect(await claim(undefined)).not.toBeTypeOf("string");
    expect(await claim("ada")).not.toBeTypeOf("string");
    const next = open(store.crash());
    expect(await claim("ada", next)).not.toBeTypeOf("string");
    expect(await claim("bob", next)).toBe("KEY_FOREIGN");
    expect(await claim(null, next)).toBe("KEY_FOREIGN");
    expect(await claim(undefined, next)).not.toBeTypeOf("string");
  });

  it("of somebody without a name is not that of a user", async () => {
    const { outcomes } = setup();
    const claim = (user: string | null) =>
      outcomes.claim({ namespace: NAMESPACE, key: "key", user, again: false });
    await claim(null);
    expect(await claim(null)).not.toBeTypeOf("string");
    expect(await claim("ada")).toBe("KEY_FOREIGN");
  });

  it("that can't be remembered is not given out", async () => {
    const { outcomes, disk } = setup();
    disk.failNext(new StoreError("STORE_FULL", "full"));
    await expect(connect(outcomes)).rejects.toMatchObject({ code: "STORE_FULL" });
    const connection = await connect(outcomes);
    expect(told(await connection.send(1, undefined, { again: true }))).toBe("reply to 1");
  });

  it("that two connections bring at once is one", async () => {
    const { outcomes } = setup();
    const [first, second] = await Promise.all([connect(outcomes), connect(outcomes)]);
    await Promise.all([first!.send(1), second!.send(1)]);
    expect([...first!.runs, ...second!.runs]).toEqual([1]);
    expect(outcomes.keys).toBe(1);
  });
});

describe("outcomes", () => {
  it("are forgotten once the client has them", async () => {
    const { outcomes } = setup();
    const connection = await connect(outcomes);
    for (let sequence = 1; sequence <= 20; sequence++) {
      await connection.send(sequence, undefined, { low: sequence });
    }
    const { bytes } = outcomes;
    for (let sequence = 21; sequence <= 40; sequence++) {
      await connection.send(sequence, undefined, { low: sequence });
    }
    expect(outcomes.bytes).toBe(bytes);
    expect(told(await connection.send(1))).toBe("unknown");
    expect(told(await connection.send(40, undefined, { low: 40 }))).toBe("reply to 40");
  });

  it.each([
    ["number", { window: 2, outcomesMax: 4 }],
    ["bytes", { keyBytesMax: 150 }],
  ])("of one key are bounded in %s: the oldest are not known any more", async (_, limits) => {
    const { outcomes } = setup(limits);
    const connection = await connect(outcomes);
    for (let sequence = 1; sequence <= 10; sequence++) await connection.send(sequence);
    expect(told(await connection.send(1))).toBe("unknown");
    expect(told(await connection.send(10))).toBe("reply to 10");
    expect(outcomes.bytes).toBeLessThanOrEqual(150);
    expect(connection.runs).toHaveLength(10);
  });

  it("of all keys are bounded in bytes: those of the key that was unused for longest go first", async () => {
    const { outcomes, clock } = setup({ bytesMax: 5_000 });
    for (let n = 0; n < 20; n++) {
      clock.advance(1_000);
      await use(outcomes, `key ${n}`, "x".repeat(400));
    }
    await outcomes.sweep();
    expect(outcomes.bytes).toBeLessThanOrEqual(5_000);
    expect(outcomes.bytes).toBeGreaterThan(3_000);
    const first = await connect(outcomes, "key 0", { again: true });
    expect(told(await first.send(1, undefined, { again: true }))).toBe("unknown");
    const last = await connect(outcomes, "key 19", { again: true });
    expect(told(await last.send(1, undefined, { again: true }))).toHaveLength(400);
  });

  it("of keys in use stay bounded too", async () => {
    const { outcomes } = setup({ bytesMax: 2_000 });
    const connections = await Promise.all(["a", "b", "c"].map((key) => connect(outcomes, key)));
    for (let sequence = 1; sequence <= 50; sequence++) {
      for (const connection of connections) {
        await connection.send(sequence, () => ({ payload: "x".repeat(200), contributions: [] }));
      }
    }
    expect(outcomes.bytes).toBeLessThan(2_600);
    expect(told(await connections[0]!.send(50))).toHaveLength(200);
  });
});

describe("keys", () => {
  it("that were never used go first, then those unused for longest, but none in use", async () => {
    const { outcomes, clock, store } = setup({ keysMax: 20 });
    const held = await connect(outcomes, "held");
    await held.send(1);
    for (let n = 0; n < 15; n++) {
      clock.advance(1_000);
      await use(outcomes, `used ${n}`);
    }
    for (let n = 0; n < 20; n++) (await connect(outcomes, `stranger ${n}`).catch(() => undefined))?.lose();
    await outcomes.sweep();
    expect(outcomes.keys).toBeLessThanOrEqual(20);
    expect((await store.records({ kind: "outcomes:mark" })).records).toHaveLength(outcomes.keys);
    for (const key of ["used 0", "used 14"]) {
      const connection = await connect(outcomes, key, { again: true });
      expect(told(await connection.send(1, undefined, { again: true }))).toBe(key);
    }
    expect(told(await held.send(1))).toBe("reply to 1");
  });

  it("beyond what may be in use at once are refused", async () => {
    const { outcomes } = setup({ keysMax: 4 });
    for (let n = 0; n < 6; n++) await connect(outcomes, `key ${n}`).catch(() => undefined);
    await outcomes.sweep();
    await expect(connect(outcomes, "one more")).rejects.toThrow("TOO_MANY_KEYS");
  });

  it("that nobody used for too long are forgotten, with their outcomes", async () => {
    const { outcomes, clock, store } = setup({ ageMs: 30 * DAY });
    await use(outcomes, "old");
    clock.advance(20 * DAY);
    await use(outcomes, "young");
    const old = await connect(outcomes, "old but used", { again: false });
    old.lose();
    clock.advance(11 * DAY);
    await outcomes.sweep();
    expect(outcomes.keys).toBe(2);
    expect((await store.records({ kind: "outcomes:reply" })).records).toHaveLength(1);
  });

  it("are counted anew by the next process", async () => {
    const { outcomes, store, open } = setup();
    for (let n = 0; n < 5; n++) await use(outcomes, `key ${n}`);
    const next = open(store.crash());
    await connect(next, "key 0");
    expect([next.keys, next.bytes]).toEqual([outcomes.keys, outcomes.bytes]);
  });
});
