import { describe, expect, it } from "vitest";
import { randomFrom } from "../../src/contract/random.ts";
import { type EntryAnswer, MemoryDisk, MemoryStore, Outcomes, StoreError } from "../../src/index.ts";
import { type Connection, connect, done, NAMESPACE, ROOM, told } from "./support.ts";

const CLIENTS = 4;
const ENTRIES = 40;
const WINDOW = 8;

/** What a client keeps on its own disk, and the connection that it has. */
class Client {
  readonly key: string;
  /** By sequence: flagged once it may have been sent. */
  readonly outbox = new Map<number, { again: boolean }>();
  readonly outcomes = new Map<number, string>();
  connection: Connection | undefined;
  #inFlight = new Set<number>();
  /** Given up by the client, and not yet by the server. */
  #old: Connection[] = [];

  constructor(key: string) {
    this.key = key;
    for (let sequence = 1; sequence <= ENTRIES; sequence++) this.outbox.set(sequence, { again: false });
  }

  get isDone(): boolean {
    return this.outbox.size === 0;
  }

  async connect(outcomes: Outcomes): Promise<void> {
    const again = [...this.outbox.values()].some((entry) => entry.again);
    const connection = await connect(outcomes, this.key, { again });
    this.#inFlight.clear();
    if (this.connection) this.#old.push(this.connection);
    this.connection = connection;
  }

  /** The server notices that connections are gone. */
  lose(): void {
    if (this.connection) this.#old.push(this.connection);
    for (const connection of this.#old.splice(0)) connection.lose();
    this.connection = undefined;
  }

  /** Sends what the window has room for, in order. */
  send(random: (below: number) => number): void {
    const { connection } = this;
    if (!connection) return;
    const low = Math.min(...this.outbox.keys());
    for (const [sequence, entry] of this.outbox) {
      if (this.#inFlight.size >= WINDOW) return;
      if (this.#inFlight.has(sequence)) continue;
      const { again } = entry;
      entry.again = true;
      this.#inFlight.add(sequence);
      const work = async () => {
        for (let turns = random(3); turns > 0; turns--) await new Promise(setImmediate);
        if (random(20) === 0) return { retryMs: 1, code: "LATER", message: "" };
        return done(`${this.key} ${sequence}`);
      };
      void connection.send(sequence, work, { low, again }).then((answer) => {
        if (this.connection === connection) this.#onAnswer(sequence, answer);
      });
    }
  }

  #onAnswer(sequence: number, answer: EntryAnswer): void {
    this.#inFlight.delete(sequence);
    if (typeof answer === "object" && "retryMs" in answer) {
      // all behind it is sent again too, and answered before that
      return;
    }
    expect(this.outcomes.has(sequence)).toBe(false);
    this.outcomes.set(sequence, told(answer));
    this.outbox.delete(sequence);
  }
}

describe("whatever crashes, fails or is cut off", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "each entry takes effect once, in order, and is told of it (seed %i)",
    async (seed) => {
      const random = randomFrom(seed);
      const disk = new MemoryDisk();
      let store = new MemoryStore({ disk });
      const open = () =>
        new Outcomes(store, {
          limits: { window: WINDOW },
          refusal: ({ code }) => ({ payload: code }),
          onError: () => {},
        });
      let outcomes = open();
      const clients = Array.from({ length: CLIENTS }, (_, n) => new Client(`client ${n}`));
      for (let step = 0; clients.some((client) => !client.isDone); step++) {
        expect(step).toBeLessThan(20_000);
        const client = clients[random(CLIENTS)]!;
        const dice = random(200);
        if (dice === 0) {
          for (const other of clients) other.lose();
          store = store.crash();
          outcomes = open();
        } else if (dice < 4) client.lose();
        else if (dice < 6) disk.failNext(new StoreError(random(2) ? "STORE_FULL" : "STORE_IO", "failed"));
        else if (dice < 9) disk.hold();
        else if (dice < 30) disk.step();
        else if (dice < 40) disk.release();
        else if (dice < 60 && (!client.connection || dice < 42)) {
          disk.release();
          await client.connect(outcomes).catch(() => {});
        } else if (dice < 120) await new Promise(setImmediate);
        else client.send(random);
      }
      const { events } = await store.events({ namespace: NAMESPACE, rooms: [ROOM] });
      const effects = events.map(({ payload }) => Buffer.from(payload).toString());
      for (const { key, outcomes: told } of clients) {
        const all = Array.from({ length: ENTRIES }, (_, n) => n + 1);
        expect(effects.filter((text) => text.startsWith(`${key} `))).toEqual(all.map((n) => `${key} ${n}`));
        expect([...told].sort(([a], [b]) => a - b)).toEqual(all.map((n) => [n, `reply to ${key} ${n}`]));
      }
    },
  );
});
