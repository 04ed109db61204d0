import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { type Flusher, Gate, OutgoingPacket } from "../../src/outbox/index.ts";
import { newFlusher, Owner, text, textsIn } from "./support.ts";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

const UNBOUNDED = { outboxBytesMax: Number.POSITIVE_INFINITY };

const many = (count: number, flusher: Flusher) => Array.from({ length: count }, () => new Owner(flusher));

describe("an outbox", () => {
  it("writes nothing during a tick, and then once", () => {
    const flusher = newFlusher(UNBOUNDED);
    const owner = new Owner(flusher);
    owner.outbox.push(text("a"));
    owner.outbox.share(text("b"));
    owner.outbox.push(text("c"));
    expect(owner.sink.writes).toEqual([]);
    flusher.flush();
    expect(owner.sink.writes).toHaveLength(1);
    expect(owner.sink.texts()).toEqual(["a", "b", "c"]);
  });

  it("writes frames as RFC 6455 lays them out", () => {
    const flusher = newFlusher(UNBOUNDED);
    const owner = new Owner(flusher);
    owner.outbox.push(new OutgoingPacket(["2[]", Buffer.of(7, 8)]));
    owner.outbox.push(new OutgoingPacket(["é"]));
    flusher.flush();
    expect([...owner.sink.writes[0]!]).toEqual([
      0x81, 4, 0x34, 0x32, 0x5b, 0x5d, 0x82, 2, 7, 8, 0x81, 3, 0x34, 0xc3, 0xa9,
    ]);
  });

  it.each([125, 126, 127, 65_534, 65_535, 65_536, 70_000])("writes a payload of %i bytes", (length) => {
    for (const content of ["x".repeat(length - 1), `${"é".repeat(Math.floor((length - 1) / 2))}`]) {
      const flusher = newFlusher(UNBOUNDED);
      const [one, other] = many(2, flusher) as [Owner, Owner];
      one.outbox.push(text(content));
      other.outbox.share(text(content));
      flusher.flush();
      expect(one.sink.texts()).toEqual([content]);
      expect(other.sink.texts()).toEqual([content]);
    }
  });

  it("goes on when a listener of another connection throws in the flush", async () => {
    const flusher = newFlusher(UNBOUNDED);
    const [one, other] = many(2, flusher) as [Owner, Owner];
    one.onFlushed = () => {
      throw new Error("thrown by a listener");
    };
    const rethrown = vi.spyOn(process, "nextTick").mockImplementation(() => {});
    one.outbox.push(text("a"));
    other.outbox.push(text("b"));
    flusher.flush();
    expect(rethrown).toHaveBeenCalledOnce();
    rethrown.mockRestore();
    expect(other.sink.texts()).toEqual(["b"]);
  });

  it("collects what thousands of others have flushed piece by piece in one tick", () => {
    const flusher = newFlusher(UNBOUNDED);
    const last = new Owner(flusher);
    const others = many(20_000, flusher);
    for (const [i, { outbox }] of others.entries()) {
      const notice = text(String(i));
      last.outbox.share(notice);
      // two are enough to stand in for a room of which each member is told
      outbox.share(notice);
      outbox.flush();
    }

    flusher.flush();
    expect(last.sink.texts()).toEqual(others.map((_, i) => String(i)));
  });

  it("gives receivers of the same run the same bytes", () => {
    const flusher = newFlusher(UNBOUNDED);
    const owners = many(3, flusher);
    const buffers: Buffer[] = [];
    for (const { sink } of owners) sink.writeBytes = (written) => void buffers.push(...written);
    for (const packet of [text("a"), text("b")]) for (const { outbox } of owners) outbox.share(packet);
    flusher.flush();
    expect(buffers).toHaveLength(3);
    expect(buffers[1]).toBe(buffers[0]);
    expect(buffers[2]).toBe(buffers[0]);
  });

  it("leaves out the sender of a broadcast, who stays on the chain", () => {
    const flusher = newFlusher(UNBOUNDED);
    const owners = many(3, flusher);
    owners.forEach((sender, i) => {
      const packet = text(`from ${i}`);
      for (const owner of owners) owner === sender ? owner.outbox.skip(packet) : owner.outbox.share(packet);
      sender.outbox.push(text(`ack ${i}`));
    });
    flusher.flush();
    expect(owners[0]!.sink.texts()).toEqual(["ack 0", "from 1", "from 2"]);
    expect(owners[1]!.sink.texts()).toEqual(["from 0", "ack 1", "from 2"]);
    expect(owners[2]!.sink.texts()).toEqual(["from 0", "from 1", "ack 2"]);
  });

  it("does not wait for the end of the tick past 256 kB", () => {
    const flusher = newFlusher();
    const owner = new Owner(flusher);
    for (let i = 0; i < 5; i++) owner.outbox.push(text("x".repeat(100_000)));
    expect(owner.sink.texts()).toHaveLength(3);
    flusher.flush();
    expect(owner.sink.texts()).toHaveLength(5);
  });

  it("reports an overflow once the reader is behind by more than its limit, but takes any one message", () => {
    const flusher = newFlusher();
    const owner = new Owner(flusher);
    owner.sink.writeBytes = (buffers) => {
      for (const buffer of buffers) owner.sink.pendingBytes += buffer.length;
    };
    owner.outbox.push(text("x".repeat(5_000)));
    flusher.flush();
    expect(owner.overflows).toEqual([]);
    owner.outbox.push(text("y"));
    flusher.flush();
    expect(owner.overflows).toHaveLength(1);
  });

  it("is writable for volatile packets only while nothing waits", () => {
    const flusher = newFlusher(UNBOUNDED);
    const owner = new Owner(flusher);
    expect(owner.outbox.writable).toBe(true);
    owner.outbox.push(text("a"));
    expect(owner.outbox.writable).toBe(false);
    flusher.flush();
    expect(owner.outbox.writable).toBe(true);
    owner.sink.isIdle = false;
    expect(owner.outbox.writable).toBe(false);
  });
});

describe("a gate", () => {
  it("holds back its packet and everything issued later, on that connection only", () => {
    const flusher = newFlusher(UNBOUNDED);
    const [held, other] = many(2, flusher) as [Owner, Owner];
    const gate = new Gate();
    held.outbox.push(text("before"));
    held.outbox.share(text("kept", gate));
    held.outbox.push(text("ack"));
    const later = text("later");
    held.outbox.share(later);
    other.outbox.share(later);
    flusher.flush();
    expect(held.sink.texts()).toEqual(["before"]);
    expect(other.sink.texts()).toEqual(["later"]);
    expect(held.outbox.isEmpty).toBe(false);
    gate.open();
    flusher.flush();
    expect(held.sink.texts()).toEqual(["before", "kept", "ack", "later"]);
    expect(held.outbox.isEmpty).toBe(true);
  });

  it("drops the packets of a failed commit, and nothing else", () => {
    const flusher = newFlusher(UNBOUNDED);
    const owners = many(2, flusher);
    const gate = new Gate();
    for (const packet of [text("a"), text("lost", gate), text("b")]) {
      for (const { outbox } of owners) outbox.share(packet);
    }
    flusher.flush();
    gate.fail();
    flusher.flush();
    for (const { sink } of owners) expect(sink.texts()).toEqual(["a", "b"]);
  });

  it("does not keep what was written alive while one gate follows another", async () => {
    const flusher = newFlusher(UNBOUNDED);
    const owner = new Owner(flusher);
    const written: WeakRef<OutgoingPacket>[] = [];
    let open = new Gate();
    owner.outbox.share(text("first", open));
    for (let i = 0; i < 50; i++) {
      const next = new Gate();
      const packet = text(`packet ${i}`, next);
      written.push(new WeakRef(packet));
      owner.outbox.share(packet);
      open.open();
      open = next;
      flusher.flush();
    }
    expect(owner.sink.texts()).toHaveLength(50);
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(written.filter((ref) => ref.deref()).length).toBeLessThan(5);
  });
});

describe("a hold", () => {
  it("lets go what was issued before, and lets its owner write ahead of what comes later", () => {
    const flusher = newFlusher(UNBOUNDED);
    const [owner, other] = many(2, flusher) as [Owner, Owner];
    const gate = new Gate();
    owner.outbox.share(text("kept", gate));
    let isReached = false;
    const hold = owner.outbox.hold(() => {
      isReached = true;
    });
    const later = text("later");
    owner.outbox.share(later);
    other.outbox.share(later);
    flusher.flush();
    expect(isReached).toBe(false);
    expect(other.sink.texts()).toEqual(["later"]);
    gate.open();
    flusher.flush();
    expect(isReached).toBe(true);
    hold.write([text("replay 1")]);
    owner.outbox.push(text("last"));
    flusher.flush();
    hold.write([text("replay 2")]);
    expect(owner.outbox.isEmpty).toBe(false);
    expect(owner.outbox.writable).toBe(false);
    hold.release();
    expect(owner.sink.texts()).toEqual(["kept", "replay 1", "replay 2", "later", "last"]);
    expect(owner.outbox.isEmpty).toBe(true);
  });

  it("comes one after the other", () => {
    const flusher = newFlusher(UNBOUNDED);
    const owner = new Owner(flusher);
    const reached: string[] = [];
    const first = owner.outbox.hold(() => reached.push("first"));
    owner.outbox.push(text("between"));
    const second = owner.outbox.hold((hold) => {
      reached.push("second");
      hold.write([text("second replay")]);
    });
    owner.outbox.push(text("end"));
    flusher.flush();
    expect(reached).toEqual(["first"]);
    first.write([text("first replay")]);
    first.release();
    expect(reached).toEqual(["first", "second"]);
    second.release();
    expect(owner.sink.texts()).toEqual(["first replay", "between", "second replay", "end"]);
  });

  it("counts what waits behind it against the limit", () => {
    const flusher = newFlusher();
    const owner = new Owner(flusher);
    owner.outbox.hold(() => {});
    owner.outbox.push(text("x".repeat(800)));
    flusher.flush();
    expect(owner.overflows).toEqual([]);
    owner.outbox.push(text("y".repeat(800)));
    flusher.flush();
    expect(owner.overflows).toHaveLength(1);
  });
});

// The whole truth about order: any mix of broadcasts, exclusions, direct packets and gates, on connections that take
// bytes or packets, against a model that keeps one list per connection.
describe("any number of outboxes", () => {
  const OWNERS = 4;
  const receivers = fc.array(fc.constantFrom("share", "skip", "none"), {
    minLength: OWNERS,
    maxLength: OWNERS,
  });
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant("broadcast" as const), receivers, gated: fc.boolean() }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("push" as const),
        owner: fc.nat(OWNERS - 1),
        gated: fc.boolean(),
        length: fc.constantFrom(1, 130, 20_000, 70_000),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("flush" as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("settle" as const), fails: fc.boolean() }) },
  );

  it("deliver what was issued, in order, once", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const flusher = newFlusher(UNBOUNDED);
        const owners = Array.from({ length: OWNERS }, (_, i) => new Owner(flusher, i % 2 === 0));
        const expected: { content: string; gate: Gate | undefined }[][] = owners.map(() => []);
        const gates: Gate[] = [];
        let current: Gate | undefined;
        const gateFor = (gated: boolean) => {
          if (!gated) return undefined;
          if (!current) {
            current = new Gate();
            gates.push(current);
          }
          return current;
        };
        steps.forEach((step, i) => {
          if (step.kind === "broadcast") {
            const gate = gateFor(step.gated);
            const packet = text(`b${i}`, gate);
            step.receivers.forEach((how, r) => {
              if (how === "share") {
                owners[r]!.outbox.share(packet);
                expected[r]!.push({ content: `b${i}`, gate });
              } else if (how === "skip") owners[r]!.outbox.skip(packet);
            });
          } else if (step.kind === "push") {
            const gate = gateFor(step.gated);
            const content = `p${i}`.padEnd(step.length, "x");
            owners[step.owner]!.outbox.push(text(content, gate));
            expected[step.owner]!.push({ content, gate });
          } else if (step.kind === "flush") flusher.flush();
          else {
            const gate = gates.shift();
            if (gate === current) current = undefined;
            if (step.fails) gate?.fail();
            else gate?.open();
          }
          owners.forEach(({ sink }, r) => {
            const texts = sink.texts();
            const possible = expected[r]!.filter(({ gate }) => !gate?.hasFailed).map(
              ({ content }) => content,
            );
            expect(texts).toEqual(possible.slice(0, texts.length));
          });
        });
        for (const gate of gates) gate.open();
        flusher.flush();
        owners.forEach(({ sink, outbox }, r) => {
          expect(sink.texts()).toEqual(
            expected[r]!.filter(({ gate }) => !gate?.hasFailed).map(({ content }) => content),
          );
          expect(outbox.isEmpty).toBe(true);
        });
      }),
      { numRuns: 400 },
    );
  });
});

it("textsIn reads what the tests rely on", () => {
  expect(textsIn(Buffer.from([0x81, 2, 0x34, 0x61, 0x81, 1, 0x34]))).toEqual(["a", ""]);
});
