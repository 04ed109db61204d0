import { describe, expect, it } from "vitest";
import { conformance, flushed, type Pair, type Running, record, transportCases } from "./support.ts";

type Heard = unknown[][];

conformance("broadcasting", (kit) => {
  /** Four clients: 0 in a; 1 in a and b; 2 in b; 3 in none. */
  async function four(transports = ["websocket"]): Promise<{
    running: Running;
    pairs: [Pair, Pair, Pair, Pair];
    /** Which clients heard each event, by event name. */
    heardBy(): Promise<Record<string, number[]>>;
  }> {
    const running = await kit.serve();
    const pairs = await kit.pairs(4, running, "/", { transports });
    pairs[0][0].join("a");
    pairs[1][0].join(["a", "b"]);
    pairs[2][0].join("b");
    const heard: Heard[] = pairs.map(([, client]) => record(client));
    return {
      running,
      pairs,
      async heardBy() {
        await flushed(running.io, ...pairs.map(([, client]) => client));
        const result: Record<string, number[]> = {};
        heard.forEach((events, i) => {
          for (const [name] of events) {
            const event = String(name);
            result[event] = [...(result[event] ?? []), i];
          }
        });
        return result;
      },
    };
  }

  for (const { title, transports } of transportCases) {
    it(`reaches everyone, a room, several rooms, all but a room (${title})`, async () => {
      const { running, heardBy } = await four(transports);
      const { io } = running;
      io.emit("all");
      io.to("a").emit("a");
      io.in("b").emit("b");
      io.to("a").to("b").emit("a or b");
      io.to(["a", "b"]).emit("a or b as a list");
      io.to("a").in("a").emit("a once");
      io.except("a").emit("not a");
      io.except(["a", "b"]).emit("neither");
      io.to("a").except("b").emit("a but not b");
      io.except("b").to("a").emit("not b but a");
      io.to("nobody").emit("nobody");
      io.of("/").to("a").emit("a by namespace");
      expect(await heardBy()).toEqual({
        all: [0, 1, 2, 3],
        a: [0, 1],
        b: [1, 2],
        "a or b": [0, 1, 2],
        "a or b as a list": [0, 1, 2],
        "a once": [0, 1],
        "not a": [2, 3],
        neither: [3],
        "a but not b": [0],
        "not b but a": [0],
        "a by namespace": [0, 1],
      });
    });

    it(`reaches the others, never the sender (${title})`, async () => {
      const { pairs, heardBy } = await four(transports);
      const [[zero], [one], [two]] = pairs;
      zero.broadcast.emit("others");
      zero.to("a").emit("others in a");
      one.in(["a", "b"]).emit("others in a or b");
      two.except("a").emit("others not in a");
      zero.broadcast.to("b").except("a").emit("others in b not a");
      zero.to(zero.id).emit("nobody");
      zero.to(one.id).emit("one");
      expect(await heardBy()).toEqual({
        others: [1, 2, 3],
        "others in a": [1],
        "others in a or b": [0, 2],
        "others not in a": [3],
        "others in b not a": [2],
        one: [1],
      });
    });

    it(`carries bytes (${title})`, async () => {
      const running = await kit.serve();
      const [[, one], [, two]] = await kit.pairs(2, running, "/", { transports });
      const heard = [record(one), record(two)];
      running.io.emit("bytes", Buffer.from([1]), { nested: [new Uint8Array([2, 3])] });
      await flushed(running.io, one, two);
      const expected = [["bytes", Buffer.from([1]), { nested: [Buffer.from([2, 3])] }]];
      expect(heard).toEqual([expected, expected]);
    });
  }

  describe("chains", () => {
    it("are immutable: each link is a new operator", async () => {
      const { running, heardBy } = await four();
      const { io } = running;
      const a = io.to("a");
      const aOrB = a.to("b");
      const aNotB = a.except("b");
      const quiet = a.compress(false);
      const briefly = a.timeout(1_000);
      const local = a.local;
      expect(new Set([a, aOrB, aNotB, quiet, briefly, local]).size).toBe(6);
      a.emit("a");
      aOrB.emit("a or b");
      aNotB.emit("a not b");
      quiet.emit("quiet");
      briefly.emit("briefly");
      local.emit("local");
      a.emit("a again");
      expect(await heardBy()).toEqual({
        a: [0, 1],
        "a or b": [0, 1, 2],
        "a not b": [0],
        quiet: [0, 1],
        briefly: [0, 1],
        local: [0, 1],
        "a again": [0, 1],
      });
    });

    it("of one socket are independent too", async () => {
      const { pairs, heardBy } = await four();
      const [socket] = pairs[3];
      const a = socket.to("a");
      const b = socket.to("b");
      const both = a.to("b");
      a.emit("a");
      b.emit("b");
      both.emit("both");
      socket.emit("self");
      expect(await heardBy()).toEqual({ a: [0, 1], b: [1, 2], both: [0, 1, 2], self: [3] });
    });

    it("are members at the time of emit, not of the chain's making", async () => {
      const { running, pairs, heardBy } = await four();
      const chain = running.io.to("late");
      chain.emit("too early");
      pairs[2][0].join("late");
      chain.emit("in time");
      pairs[2][0].leave("late");
      chain.emit("too late");
      expect(await heardBy()).toEqual({ "in time": [2] });
    });

    it("reset the flags of a socket", async () => {
      const { pairs, heardBy } = await four();
      const [socket] = pairs[0];
      socket.compress(false).timeout(10).to("b").emit("to b");
      expect((socket as unknown as { flags: object }).flags).toEqual({});
      socket.emit("self");
      expect(await heardBy()).toEqual({ "to b": [1, 2], self: [0] });
    });
  });

  it("is local when told so, which changes nothing on a single node", async () => {
    const { running, pairs, heardBy } = await four();
    running.io.local.emit("all");
    running.io.of("/").local.emit("all by namespace");
    running.io.local.to("a").emit("a");
    pairs[0][0].local.emit("others");
    pairs[0][0].local.to("b").emit("others in b");
    expect(await heardBy()).toEqual({
      all: [0, 1, 2, 3],
      "all by namespace": [0, 1, 2, 3],
      a: [0, 1],
      others: [1, 2, 3],
      "others in b": [1, 2],
    });
  });

  it("reaches a socket that joined in the same turn, and not one that left", async () => {
    const { running, pairs, heardBy } = await four();
    running.io.to("x").emit("before");
    pairs[3][0].join("x");
    running.io.to("x").emit("between");
    pairs[3][0].leave("x");
    running.io.to("x").emit("after");
    expect(await heardBy()).toEqual({ between: [3] });
  });

  it("goes on when a client leaves in the middle of it", async () => {
    const { running, pairs } = await four();
    const heard = record(pairs[1][1]);
    running.io.emit("first");
    pairs[0][0].disconnect(true);
    running.io.emit("second");
    await flushed(running.io, pairs[1][1]);
    expect(heard).toEqual([["first"], ["second"]]);
  });

  it("keeps one order for everyone when several send to one room", async () => {
    const running = await kit.serve();
    const pairs = await kit.pairs(4, running);
    const heard = pairs.map(([, client]) => record(client));
    for (const [socket] of pairs) socket.join("room");
    for (let round = 0; round < 20; round++) {
      pairs.forEach(([socket], i) => {
        socket.to("room").emit("said", i, round);
        if (round % 5 === i) running.io.to("room").emit("notice", round);
        if (round % 7 === i) socket.emit("direct", round);
      });
    }
    await flushed(running.io, ...pairs.map(([, client]) => client));
    heard.forEach((events, i) => {
      const expected: unknown[][] = [];
      for (let round = 0; round < 20; round++) {
        for (let sender = 0; sender < 4; sender++) {
          if (sender !== i) expected.push(["said", sender, round]);
          if (round % 5 === sender) expected.push(["notice", round]);
          if (round % 7 === sender && sender === i) expected.push(["direct", round]);
        }
      }
      expect(events).toEqual(expected);
    });
  });
});
