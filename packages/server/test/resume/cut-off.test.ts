/** A replay that ends before its time: its client stands where it stood, and is given nothing from behind the hole. */
import type { ServerOptions, Socket } from "holdfast";
import { describe, expect, it } from "vitest";
import { type Served, serve } from "../negotiation/wire.ts";
import { Poller } from "../shedding/poller.ts";
import { turns } from "../shedding/support.ts";
import { again, type Reader, reader } from "./client.ts";

const plain: Partial<ServerOptions> = { store: "memory", rooms: { "kept:*": { keep: true } } };
const recovering: Partial<ServerOptions> = { ...plain, connectionStateRecovery: {} };

const socketOf = ({ sockets }: Served): Socket => sockets.at(-1)!;
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);
const numbers = ({ events }: Reader) => events.filter(([name]) => name === "n").map(([, i]) => i);

/** A client that was in a room, is away, and has missed 100 events of it. */
async function behind(served: Served): Promise<Reader> {
  const first = await reader(served.port);
  void socketOf(served).join("kept:1");
  await first.control("joined");
  first.wire.socket.terminate();
  await first.wire.closed;
  for (let i = 0; i < 100; i++) served.io.to("kept:1").emit("n", i);
  return first;
}

/** A client in the middle of the replay of 100 events, with ten that were issued later behind it. */
async function amid(served: Served): Promise<Reader> {
  const first = await behind(served);
  const client = await again(served.port, first, { credit: 5 });
  void socketOf(served).join("kept:1", { since: "last" });
  await client.count(5);
  for (let i = 100; i < 109; i++) served.io.to("kept:1").emit("n", i);
  await served.io.to("kept:1").publish("n", 109);
  return client;
}

describe.each([
  ["alone", plain],
  ["with connection state recovery", recovering],
])("a replay that is cut off, %s", (_, options) => {
  it("gives way when its socket is sent away, with the stored events behind it", async () => {
    const served = await serve(options);
    const client = await amid(served);
    const socket = socketOf(served);
    socket.emit("ask", () => {});
    void socket.join("kept:2");
    void socket.leave("kept:1");
    // not on disk yet
    served.io.to("kept:2").emit("n", 110);
    socket.disconnect();
    const { answer, positions } = client;
    const resume = { key: answer.key, positions: structuredClone(positions), credit: 1_000 };
    client.wire.say(`40${JSON.stringify({ holdfast: { resume } })}`);
    await client.until(({ answer: next }) => next !== answer);
    expect(client.heard.slice(-2)).toEqual([
      ["event", "ask"],
      ["joined", "kept:2", ...positions["kept:2"]!],
    ]);
    expect(numbers(client)).toEqual(upTo(5));
    client.wire.socket.terminate();
    await client.wire.closed;
    const back = await again(served.port, client);
    void socketOf(served).join(["kept:1", "kept:2"], { since: "last" });
    await back.control("replayed");
    expect(numbers(back)).toEqual(upTo(111).slice(5));
  });

  it("gives way when its connection is to be closed", async () => {
    const served = await serve(options);
    const client = await amid(served);
    socketOf(served).conn.close();
    await expect(client.until(() => false)).rejects.toThrow("closed");
    expect(numbers(client)).toEqual(upTo(5));
    const back = await again(served.port, client);
    void socketOf(served).join("kept:1", { since: "last" });
    await back.count(105);
    expect(numbers(back)).toEqual(upTo(110).slice(5));
  });
});

it("a client that was sent away amid a replay goes on in the same connection", async () => {
  const served = await serve(plain);
  const client = await amid(served);
  socketOf(served).disconnect();
  const { answer, positions } = client;
  const resume = { key: answer.key, positions: structuredClone(positions), credit: 1_000 };
  client.wire.say(`40${JSON.stringify({ holdfast: { resume } })}`);
  await client.until(({ answer: next }) => next !== answer);
  void socketOf(served).join("kept:1", { since: "last" });
  await client.control("replayed");
  await served.io.to("kept:1").publish("n", 110);
  await client.until((it) => numbers(it).includes(110));
  expect(numbers(client)).toEqual(upTo(111));
});

it("what was shed behind a replay that its connection's close cuts off does not come either", async () => {
  const served = await serve({ ...plain, shedBytes: 100 });
  const first = await behind(served);
  const resume = { key: first.answer.key, positions: first.positions, credit: 1 };
  const slow = await Poller.connect(served, { auth: { holdfast: { resume } } });
  void socketOf(served).join("kept:1", { since: "last" });
  const seen = () => slow.got.filter(([name]) => name === "n").map(([, i]) => i);
  while (seen().length === 0) await slow.poll();
  for (let i = 100; i < 109; i++) served.io.to("kept:1").emit("n", i, "x".repeat(100));
  await served.io.to("kept:1").publish("n", 109);
  // this waits for what was shed
  void socketOf(served).join("kept:2", { since: 1 });
  // and the close for this, which is not stored
  socketOf(served).emit("goodbye");
  socketOf(served).conn.close();
  await turns(10);
  while (await slow.poll());
  expect(seen()).toEqual([0]);
  expect(slow.got).toContainEqual(["goodbye", ""]);
});
