import { describe, expect, it } from "vitest";
import {
  type EntryAnswer,
  ManualClock,
  MemoryDisk,
  MemoryStore,
  Outcomes,
  StoreError,
} from "../../src/index.ts";
import { type Connection, connect, deferred, done, effect, NAMESPACE, ROOM, told } from "./support.ts";

interface Setup {
  outcomes: Outcomes;
  store: MemoryStore;
  disk: MemoryDisk;
  errors: Error[];
}

function setup({ window = 8, store }: { window?: number; store?: MemoryStore } = {}): Setup {
  const disk = new MemoryDisk();
  const errors: Error[] = [];
  const memory = store ?? new MemoryStore({ disk, logsMax: 3 });
  const outcomes = new Outcomes(memory, {
    limits: { window },
    clock: new ManualClock(),
    refusal: ({ code }) => ({ payload: `refused: ${code}` }),
    onError: (error) => errors.push(error),
  });
  return { outcomes, store: memory, disk, errors };
}

async function effects(store: MemoryStore): Promise<string[]> {
  const { events } = await store.events({ namespace: NAMESPACE, rooms: [ROOM] });
  return events.map(({ payload }) => Buffer.from(payload).toString());
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("entries of a key", () => {
  it("are answered with their reply once their effect is on disk", async () => {
    const { outcomes, store, disk } = setup();
    const connection = await connect(outcomes);
    disk.hold();
    let isAnswered = false;
    const answer = connection.send(1).then((value) => {
      isAnswered = true;
      return value;
    });
    await turn();
    await turn();
    await turn();
    expect(disk.waiting).toBe(1);
    expect(isAnswered).toBe(false);
    expect(await effects(store)).toEqual([]);
    disk.release();
    expect(told(await answer)).toBe("reply to 1");
    expect(await effects(store)).toEqual(["1"]);
  });

  it("run one after the other in order of sequence, whoever sent them", async () => {
    const { outcomes, store } = setup();
    const first = await connect(outcomes);
    const second = await connect(outcomes);
    const gate = deferred<void>();
    const slow = first.send(1, async () => {
      await gate.promise;
      return done("1");
    });
    const answers = [first.send(4), second.send(3), second.send(2)];
    await turn();
    expect([...first.runs, ...second.runs]).toEqual([1]);
    gate.resolve();
    await Promise.all([slow, ...answers]);
    expect(await effects(store)).toEqual(["1", "2", "3", "4"]);
  });

  it("share one flush if they are ready in one tick, and the next ones wait for it", async () => {
    const { outcomes, disk } = setup();
    const connection = await connect(outcomes);
    const before = disk.flushes;
    await Promise.all([1, 2, 3, 4].map((sequence) => connection.send(sequence)));
    expect(disk.flushes - before).toBe(1);
    disk.hold();
    const fifth = connection.send(5);
    await expect.poll(() => disk.waiting).toBe(1);
    const rest = [6, 7, 8].map((sequence) => connection.send(sequence));
    await turn();
    await turn();
    expect(connection.runs).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    disk.release();
    await Promise.all([fifth, ...rest]);
    expect(disk.flushes - before).toBe(3);
  });

  it("get the same reply when they are repeated, and run no second time", async () => {
    const { outcomes, store } = setup();
    const connection = await connect(outcomes);
    await Promise.all([1, 2, 3].map((sequence) => connection.send(sequence)));
    const repeats = await Promise.all([3, 1, 2].map((sequence) => connection.send(sequence)));
    expect(repeats.map(told)).toEqual(["reply to 3", "reply to 1", "reply to 2"]);
    expect(connection.runs).toEqual([1, 2, 3]);
    expect(await effects(store)).toEqual(["1", "2", "3"]);
  });

  it("are joined by a repeat while they run, and both are answered", async () => {
    const { outcomes } = setup();
    const first = await connect(outcomes);
    const second = await connect(outcomes);
    const gate = deferred<void>();
    const run = async () => {
      await gate.promise;
      return done("1");
    };
    const answers = [first.send(1, run), second.send(1, run)];
    gate.resolve();
    expect((await Promise.all(answers)).map(told)).toEqual(["reply to 1", "reply to 1"]);
    expect([...first.runs, ...second.runs]).toEqual([1]);
  });

  it("finish without their client, which gets the reply when it is back", async () => {
    const { outcomes, store } = setup();
    const lost = await connect(outcomes);
    const gate = deferred<void>();
    void lost.send(1, async () => {
      await gate.promise;
      return done("1");
    });
    void lost.send(2);
    await turn();
    lost.lose();
    gate.resolve();
    await expect.poll(() => effects(store)).toEqual(["1"]);
    const back = await connect(outcomes, "key", { again: true });
    expect(told(await back.send(1, undefined, { again: true }))).toBe("reply to 1");
    expect(told(await back.send(2, undefined, { again: true }))).toBe("reply to 2");
    expect([lost.runs, back.runs]).toEqual([[1], [2]]);
  });

  it("run for the newest connection that is there", async () => {
    const { outcomes } = setup();
    const [first, second] = [await connect(outcomes), await connect(outcomes)];
    const gate = deferred<void>();
    void first.send(1, async () => {
      await gate.promise;
      return done("1");
    });
    const answers = [first.send(2), second.send(2)];
    gate.resolve();
    await Promise.all(answers);
    expect(second.runs).toEqual([2]);
  });

  it("may leave holes, which are never filled", async () => {
    const { outcomes } = setup();
    const connection = await connect(outcomes);
    await connection.send(5);
    await connection.send(9);
    expect(told(await connection.send(7))).toBe("unknown");
    expect(connection.runs).toEqual([5, 9]);
  });

  it("are refused if more wait than the window has room for", async () => {
    const { outcomes } = setup({ window: 2 });
    const connection = await connect(outcomes);
    const gate = deferred<void>();
    void connection.send(1, () => gate.promise.then(() => done("1")));
    void connection.send(2);
    await expect(connection.send(3)).rejects.toThrow("refused");
    gate.resolve();
  });

  it("are sent back if they would take too much memory", async () => {
    const { outcomes } = setup();
    const connection = await connect(outcomes);
    const gate = deferred<void>();
    const large = { bytes: 9 * 1024 * 1024 };
    const first = connection.send(1, () => gate.promise.then(() => done("1")), large);
    const second = connection.send(2, undefined, large);
    expect(told(await connection.send(3, undefined, large))).toBe("RELIABLE_BUSY");
    expect(told(await connection.send(4))).toBe("RELIABLE_BUSY");
    gate.resolve();
    await Promise.all([first, second]);
    expect(told(await connection.send(3, undefined, large))).toBe("reply to 3");
    expect(told(await connection.send(4))).toBe("reply to 4");
  });
});

describe("when a commit fails", () => {
  const full = () => new StoreError("STORE_FULL", "full");

  it("nothing of it or behind it has happened, and all of it is to be sent again", async () => {
    const { outcomes, store, disk } = setup();
    const connection = await connect(outcomes);
    disk.hold();
    const first = connection.send(1);
    await expect.poll(() => disk.waiting).toBe(1);
    const others = [2, 3].map((sequence) => connection.send(sequence));
    await turn();
    disk.failNext(full());
    disk.release();
    const answers = await Promise.all([first, ...others]);
    expect(answers.map(told)).toEqual(["STORE_FULL", "STORE_FULL", "STORE_FULL"]);
    expect(answers[0]).toMatchObject({ retryMs: 1000 });
    expect(await effects(store)).toEqual([]);
    // what was on its way when it failed
    expect(told(await connection.send(4))).toBe("STORE_FULL");
    const again = [1, 2, 3, 4].map((sequence) => connection.send(sequence, undefined, { again: true }));
    expect((await Promise.all(again)).map(told)).toEqual([1, 2, 3, 4].map((n) => `reply to ${n}`));
    expect(await effects(store)).toEqual(["1", "2", "3", "4"]);
  });

  it("an entry that runs meanwhile is sent back too, and what it did is dropped", async () => {
    const { outcomes, store, disk } = setup();
    const connection = await connect(outcomes);
    disk.hold();
    const first = connection.send(1);
    await expect.poll(() => disk.waiting).toBe(1);
    const gate = deferred<void>();
    let drops = 0;
    const second = connection.send(2, () => gate.promise.then(() => done("2", { dropped: () => drops++ })));
    await turn();
    disk.failNext(full());
    disk.release();
    expect((await Promise.all([first, second])).map(told)).toEqual(["STORE_FULL", "STORE_FULL"]);
    const again = [1, 2].map((sequence) => connection.send(sequence, undefined, { again: true }));
    await turn();
    expect(connection.runs).toEqual([1, 2]);
    gate.resolve();
    await Promise.all(again);
    expect(drops).toBe(1);
    expect(connection.runs).toEqual([1, 2, 1, 2]);
    expect(await effects(store)).toEqual(["1", "2"]);
  });

  it("what another connection sent behind it can't overtake what this one sends again", async () => {
    const { outcomes, store, disk } = setup();
    const [old, fresh] = [await connect(outcomes), await connect(outcomes)];
    disk.failNext(full());
    expect(told(await old.send(1))).toBe("STORE_FULL");
    const gate = deferred<void>();
    const first = fresh.send(1, () => gate.promise.then(() => done("1")));
    // sent before it knew, and slow to arrive
    expect(told(await old.send(3))).toBe("STORE_FULL");
    const others = [2, 3].map((sequence) => fresh.send(sequence));
    gate.resolve();
    await Promise.all([first, ...others]);
    expect(await effects(store)).toEqual(["1", "2", "3"]);
  });

  it("a client may give up what failed and go on behind it", async () => {
    const { outcomes, disk } = setup();
    const connection = await connect(outcomes);
    disk.failNext(full());
    expect(told(await connection.send(1))).toBe("STORE_FULL");
    expect(told(await connection.send(2))).toBe("STORE_FULL");
    expect(told(await connection.send(2, undefined, { low: 2 }))).toBe("reply to 2");
  });

  it("for good, the one entry that is to blame is refused, and the others are not", async () => {
    const { outcomes, store } = setup();
    const connection = await connect(outcomes);
    const elsewhere = (room: string) => ({
      payload: room,
      contributions: ["a", "b", "c"].map((name) => ({
        operations: [{ ...effect(room).operations[0]!, rooms: [`${room}-${name}`] }],
      })),
    });
    const send = (sequence: number) =>
      connection.send(sequence, () =>
        sequence === 2 ? (elsewhere("other") as never) : done(String(sequence)),
      );
    const answers = [1, 2, 3].map(send);
    expect((await Promise.all(answers)).map(told)).toEqual([
      "TOO_MANY_LOGS",
      "TOO_MANY_LOGS",
      "TOO_MANY_LOGS",
    ]);
    const again = [1, 2, 3].map(send);
    expect((await Promise.all(again)).map(told)).toEqual([
      "reply to 1",
      "refused: TOO_MANY_LOGS",
      "reply to 3",
    ]);
    expect(told(await send(2))).toBe("refused: TOO_MANY_LOGS");
    expect(await effects(store)).toEqual(["1", "3"]);
  });
});

describe("a handler that can't do it now", () => {
  it("sends back its entry and those behind it, while those before it are done", async () => {
    const { outcomes, store } = setup();
    const connection = await connect(outcomes);
    let isReady = false;
    const second = () => (isReady ? done("2") : { retryMs: 50, code: "RETRY_LATER", message: "later" });
    const answers = await Promise.all([connection.send(1), connection.send(2, second), connection.send(3)]);
    expect(answers.map(told)).toEqual(["reply to 1", "RETRY_LATER", "RETRY_LATER"]);
    isReady = true;
    await Promise.all([connection.send(2, second), connection.send(3)]);
    expect(await effects(store)).toEqual(["1", "2", "3"]);
  });
});

describe("a store that several processes share", () => {
  it("lets one of them do an entry", async () => {
    class Shared extends MemoryStore {
      override readonly capabilities = { transactional: true, shared: true };
    }
    const store = new Shared();
    const [one, two] = [setup({ store }), setup({ store })];
    const first = await connect(one.outcomes);
    const second = await connect(two.outcomes);
    expect(told(await first.send(1))).toBe("reply to 1");
    expect(told(await second.send(1))).toBe("PRECONDITION_FAILED");
    const repeat = async (): Promise<EntryAnswer> => second.send(1, undefined, { again: true });
    expect(told(await repeat())).toBe("reply to 1");
    expect(await effects(store)).toEqual(["1"]);
    expect(told(await second.send(2))).toBe("reply to 2");
  });
});

describe("closing", () => {
  it("waits for what runs and answers it, and begins nothing", async () => {
    const { outcomes, store } = setup();
    const connection = await connect(outcomes);
    const gate = deferred<void>();
    const first = connection.send(1, () => gate.promise.then(() => done("1")));
    let isSecondAnswered = false;
    void connection.send(2).then(() => {
      isSecondAnswered = true;
    });
    await turn();
    const closed = outcomes.close(60_000);
    gate.resolve();
    await closed;
    expect(told(await first)).toBe("reply to 1");
    expect(isSecondAnswered).toBe(false);
    expect(connection.runs).toEqual([1]);
    expect(await effects(store)).toEqual(["1"]);
  });

  it("does not wait for ever", async () => {
    const clock = new ManualClock();
    const outcomes = new Outcomes(new MemoryStore(), {
      clock,
      refusal: () => ({ payload: "" }),
      onError: () => {},
    });
    const connection: Connection = await connect(outcomes);
    void connection.send(1, () => new Promise<never>(() => {}));
    const closed = outcomes.close(5_000);
    clock.advance(5_000);
    await closed;
  });
});

describe("after closing", () => {
  it("keys can be claimed again, by a server that listens again", async () => {
    const { outcomes } = setup();
    const first = await connect(outcomes);
    await first.send(1);
    await outcomes.close(1_000);
    first.lose();
    const second = await connect(outcomes, "key", { again: true });
    expect(told(await second.send(1, undefined, { again: true }))).toBe("reply to 1");
    expect(told(await second.send(2))).toBe("reply to 2");
  });
});
