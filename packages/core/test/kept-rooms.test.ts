import { describe, expect, it } from "vitest";
import {
  formatPosition,
  KeptRooms,
  ManualClock,
  MemoryDisk,
  MemoryStore,
  mayReceive,
  parsePosition,
  type Replay,
  type RoomsOption,
  type StoredEvent,
  StoreError,
} from "../src/index.ts";

const text = (events: readonly StoredEvent[]) => events.map(({ payload }) => Buffer.from(payload).toString());

class Scene {
  readonly clock = new ManualClock();
  readonly disk = new MemoryDisk();
  store = new MemoryStore({ disk: this.disk });
  log: KeptRooms;
  readonly errors: unknown[] = [];

  constructor(readonly rooms: RoomsOption = { "chat:*": { keep: true } }) {
    this.log = this.#open();
  }

  #open(): KeptRooms {
    const { rooms, clock } = this;
    return new KeptRooms(this.store, { rooms, clock, onError: (error) => this.errors.push(error) });
  }

  crash(): void {
    this.store = this.store.crash();
    this.log = this.#open();
  }

  async publish(room: string, payload: string) {
    const { offsets } = await this.log.append({ namespace: "/", rooms: [room], payload }).durable();
    return this.log.positionOf(room, offsets[0]!);
  }

  async fill(room: string, count: number, from = 0) {
    for (let i = from; i < from + count; i++)
      this.log.append({ namespace: "/", rooms: [room], payload: `${i}` });
    await this.store.commit([]).durable();
  }

  async count(): Promise<number> {
    return (await this.log.storage()).events;
  }
}

async function drain(replay: Replay): Promise<string[]> {
  const seen: string[] = [];
  for (;;) {
    const { events, done } = await replay.next(7);
    seen.push(...text(events));
    if (done) return seen;
  }
}

describe("KeptRooms", () => {
  it("knows which rooms are kept", () => {
    const { log } = new Scene();
    expect(log.isKept("chat:1")).toBe(true);
    expect(log.keptOf(["x", "chat:2", "chat:1", "chat:2"])).toEqual(["chat:2", "chat:1"]);
  });

  it("gives history by pages, in order", async () => {
    const scene = new Scene();
    await scene.fill("chat:1", 120);
    await scene.publish("chat:2", "other");
    const { log } = scene;
    const newest = await log.history("/", ["chat:1"]);
    expect(text(newest)).toEqual(Array.from({ length: 50 }, (_, i) => `${i + 70}`));
    const before = log.positionOf("chat:1", newest[0]!.offset);
    const older = await log.history("/", ["chat:1"], { before, limit: 3 });
    expect(text(older)).toEqual(["67", "68", "69"]);
    const after = formatPosition(log.positionOf("chat:1", older[2]!.offset));
    expect(text(await log.history("/", ["chat:1"], { after, limit: 2 }))).toEqual(["70", "71"]);
    await expect(log.history("/", ["chat:1"], { before: "nonsense" })).rejects.toMatchObject({
      code: "QUERY_INVALID",
    });
    await expect(log.history("/", ["chat:1"], { limit: -1 })).rejects.toMatchObject({
      code: "QUERY_INVALID",
    });
  });

  it("replays from a position, a count or a duration", async () => {
    const scene = new Scene();
    const { log, clock } = scene;
    const position = await scene.publish("chat:1", "seen");
    for (let i = 0; i < 30; i++) {
      clock.advance(60_000);
      await scene.publish("chat:1", `${i}`);
    }
    const all = Array.from({ length: 30 }, (_, i) => `${i}`);
    expect(await drain(await log.replay("/", "chat:1", position))).toEqual(all);
    expect(await drain(await log.replay("/", "chat:1", formatPosition(position)))).toEqual(all);
    expect(await drain(await log.replay("/", "chat:1", 3))).toEqual(all.slice(-3));
    expect(await drain(await log.replay("/", "chat:1", 0))).toEqual([]);
    expect(await drain(await log.replay("/", "chat:1", "15m"))).toEqual(all.slice(-16));
    expect(await drain(await log.replay("/", "chat:none", "15m"))).toEqual([]);
  });

  it.each(["soon", -1, 1.5, { epoch: 3 } as never])("refuses to replay since %j", async (since) => {
    await expect(new Scene().log.replay("/", "chat:1", since)).rejects.toMatchObject({
      code: "QUERY_INVALID",
    });
  });

  it("ends a replay where it was asked for, though its events were not flushed yet", async () => {
    const { log } = new Scene();
    const publish = (payload: string) => log.append({ namespace: "/", rooms: ["chat:1"], payload });
    publish("1");
    publish("2");
    const replay = log.replay("/", "chat:1", 10);
    publish("3");
    await publish("4").durable();
    expect(await drain(await replay)).toEqual(["1", "2"]);
  });

  it("tells a reader that retention has passed by", async () => {
    const scene = new Scene();
    const position = await scene.publish("chat:1", "seen");
    await scene.fill("chat:1", 10);
    await scene.store.commit({ type: "trim", namespace: "/", room: "chat:1", eventsMax: 4 }).durable();
    const replay = await scene.log.replay("/", "chat:1", position);
    const { events, gap, done } = await replay.next();
    expect(text(events)).toEqual(["6", "7", "8", "9"]);
    expect(gap).toEqual({
      room: "chat:1",
      from: position.offset,
      to: events[0]!.offset - 1,
      reason: "trimmed",
    });
    expect(done).toBe(true);
  });

  it("tells a reader that retention passes by while it reads", async () => {
    const scene = new Scene();
    await scene.fill("chat:1", 20);
    const replay = await scene.log.replay("/", "chat:1", 20);
    expect(text((await replay.next(2)).events)).toEqual(["0", "1"]);
    await scene.store.commit({ type: "trim", namespace: "/", room: "chat:1", eventsMax: 5 }).durable();
    const { events, gap } = await replay.next(1);
    expect(text(events)).toEqual(["15"]);
    expect(gap?.reason).toBe("trimmed");
    expect((await replay.next(1)).gap).toBeUndefined();
  });

  it.each([1, 5, 20])(
    "tells a reader that retention passes by in the middle of a read, %i events at a time",
    async (limit) => {
      const scene = new Scene();
      await scene.fill("chat:1", 20);
      const replay = await scene.log.replay("/", "chat:1", 20);
      const first = replay.after;
      const read = scene.store.events.bind(scene.store);
      const trims = [{ eventsMax: 5 }, { eventsMax: 0 }];
      scene.store.events = async (query) => {
        const trim = trims.shift();
        if (trim)
          await scene.store.commit({ type: "trim", namespace: "/", room: "chat:1", ...trim }).durable();
        return read(query);
      };
      let told = first;
      for (let done = false; !done; ) {
        const chunk = await replay.next(limit);
        if (chunk.gap) {
          expect(chunk.gap).toMatchObject({ from: told, reason: "trimmed" });
          told = chunk.gap.to;
        }
        for (const { offset } of chunk.events) expect(offset).toBe(++told);
        done = chunk.done;
      }
      expect(told).toBe(replay.through);
    },
  );

  it("tells a reader of a forgotten room that there is a gap", async () => {
    const scene = new Scene();
    const position = await scene.publish("chat:1", "seen");
    await scene.fill("chat:1", 2);
    expect(await scene.log.forget("/", "chat:1")).toBe(3);
    expect((await (await scene.log.replay("/", "chat:1", position)).next()).gap).toBeDefined();
    await scene.publish("chat:1", "new");
    const { events, gap } = await (await scene.log.replay("/", "chat:1", position)).next();
    expect(text(events)).toEqual(["new"]);
    expect(gap).toMatchObject({ from: position.offset, reason: "trimmed" });
  });

  it("forgets what was issued before, not what comes after", async () => {
    const scene = new Scene();
    const publish = (payload: string) =>
      scene.log.append({ namespace: "/", rooms: ["chat:1", "chat:2"], payload });
    publish("before");
    const forgotten = scene.log.forget("/", "chat:1");
    await publish("after").durable();
    expect(await forgotten).toBe(1);
    expect(text(await scene.log.history("/", ["chat:1"]))).toEqual(["after"]);
    expect(text(await scene.log.history("/", ["chat:2"]))).toEqual(["before", "after"]);
  });

  it("refuses positions in the future, and starts over for those of another store", async () => {
    const scene = new Scene();
    const position = await scene.publish("chat:1", "1");
    const future = { ...position, offset: position.offset + 1000 };
    await expect(scene.log.replay("/", "chat:1", future)).rejects.toMatchObject({ code: "QUERY_INVALID" });
    const foreign = await scene.log.replay("/", "chat:1", { epoch: "elsewhere", offset: 5 });
    const { events, gap } = await foreign.next();
    expect(text(events)).toEqual(["1"]);
    expect(gap).toMatchObject({ from: 0, reason: "epoch" });
  });

  it("answers positions in unflushed rooms with a gap after a crash, those in others without", async () => {
    const scene = new Scene({ "fast:*": { keep: { flush: false } }, "*": { keep: true } });
    const fast = await scene.publish("fast:1", "1");
    const safe = await scene.publish("safe", "1");
    await scene.publish("safe", "2");
    scene.disk.hold();
    const lost = scene.log.append({ namespace: "/", rooms: ["fast:1"], payload: "shown and lost" });
    expect(lost.isEarly).toBe(true);
    scene.crash();
    scene.disk.release();
    await scene.publish("fast:1", "2");
    const { events, gap } = await (await scene.log.replay("/", "fast:1", fast)).next();
    expect(gap).toMatchObject({ reason: "epoch" });
    expect(text(events)).toEqual(["2"]);
    expect(events[0]!.offset).toBeGreaterThan(lost.offset);
    const other = await (await scene.log.replay("/", "safe", safe)).next();
    expect(other.gap).toBeUndefined();
    expect(text(other.events)).toEqual(["2"]);
  });

  it("flushes an event first if any of its rooms asks for that", () => {
    const { log } = new Scene({ "fast:*": { keep: { flush: false } }, "*": { keep: true } });
    const flush = (...rooms: string[]) => log.operation({ namespace: "/", rooms, payload: "" }).flush;
    expect(flush("fast:1")).toBe(false);
    expect(flush("fast:1", "safe")).toBe(true);
    expect(flush("safe", "fast:1")).toBe(true);
  });

  it("keeps excluded readers and the sender from an event", () => {
    const event = { sender: "s1", except: ["room1"] };
    expect(mayReceive(event, new Set(["s2", "room2"]))).toBe(true);
    expect(mayReceive(event, new Set(["s1"]))).toBe(false);
    expect(mayReceive(event, new Set(["s2", "room1"]))).toBe(false);
  });
});

describe("positions", () => {
  it("survive being text", () => {
    const position = { epoch: "a:b.1", offset: 2 ** 40 };
    expect(parsePosition(formatPosition(position))).toEqual(position);
  });

  it.each([
    "",
    ":1",
    "a:",
    "a:-1",
    "a:1.5",
    "a:01",
    "a:zzzzzzzzzzzzz",
    null,
    5,
    {},
    { epoch: "a", offset: -1 },
  ])("are not found in %j", (value) => {
    expect(parsePosition(value)).toBeUndefined();
  });
});

describe("retention", () => {
  const settled = (scene: Scene) => scene.log.idle();

  it("trims a log soon after it has passed its number of events", async () => {
    const scene = new Scene({ "*": { keep: { events: 10 } } });
    await scene.fill("a", 30);
    expect(await scene.count()).toBe(30);
    scene.clock.advance(100);
    await settled(scene);
    expect(await scene.count()).toBe(10);
    expect(text(await scene.log.history("/", ["a"]))[0]).toBe("20");
  });

  it("trims by bytes", async () => {
    const scene = new Scene({ "*": { keep: { bytes: 100 } } });
    for (let i = 0; i < 30; i++) await scene.publish("a", "x".repeat(10));
    scene.clock.advance(100);
    await settled(scene);
    expect(await scene.log.storage()).toMatchObject({ events: 10, bytes: 100 });
  });

  it("drops by age what nobody adds to, with each sweep", async () => {
    const scene = new Scene({ "*": { keep: { age: "1h" } } });
    await scene.publish("a", "old");
    scene.clock.advance(1_800_000);
    await scene.publish("b", "young");
    scene.log.start();
    await settled(scene);
    expect(await scene.count()).toBe(2);
    scene.clock.advance(1_800_001);
    await settled(scene);
    expect(text(await scene.log.history("/", ["a", "b"]))).toEqual(["young"]);
    scene.clock.advance(3_600_000);
    await settled(scene);
    expect(await scene.log.storage()).toMatchObject({ events: 0, rooms: 0 });
    await scene.log.close();
    expect(scene.clock.pending).toBe(0);
  });

  it("leaves alone what no policy names", async () => {
    const scene = new Scene({ "chat:*": { keep: { age: 1 } } });
    await scene.publish("other", "stays");
    scene.clock.advance(1000);
    scene.log.start();
    await settled(scene);
    expect(await scene.count()).toBe(1);
    await scene.log.close();
  });

  it("reports a failure and tries again with the next sweep", async () => {
    const scene = new Scene({ "*": { keep: { age: "1m" } } });
    await scene.publish("a", "old");
    scene.clock.advance(120_000);
    scene.disk.failNext(new StoreError("STORE_FULL", "no space"));
    scene.log.start();
    await settled(scene);
    expect(scene.errors).toHaveLength(1);
    expect(await scene.count()).toBe(1);
    scene.clock.advance(60_000);
    await settled(scene);
    expect(await scene.count()).toBe(0);
    await scene.log.close();
  });
});
