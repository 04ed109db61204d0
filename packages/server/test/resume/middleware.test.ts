import { expect, it } from "vitest";
import { serve } from "../negotiation/wire.ts";
import { again, reader } from "./client.ts";
import { left, options } from "./support.ts";

it("knows rooms that middleware has joined", async () => {
  const served = await serve(options);
  served.io.use((socket, next) => {
    void socket.join("kept:1");
    next();
  });
  const client = await reader(served.port);
  expect(await client.control("joined")).toEqual([
    "joined",
    "kept:1",
    expect.any(String),
    expect.any(String),
  ]);
});

it("gives what middleware replays its shape, and what is issued before the client is let in its place", async () => {
  const served = await serve(options);
  for (let i = 0; i < 5; i++) await served.io.to("kept:1").publish("n", i);
  served.io.use(async (socket, next) => {
    const { events } = await socket.join("kept:1", { since: 2 });
    await served.io.to("kept:1").publish("n", 5);
    next(events === 2 ? undefined : new Error("not replayed"));
  });
  const client = await reader(served.port);
  await client.control("replayed");
  await served.io.to("kept:1").publish("n", 6);
  await client.count(4);
  expect(client.events).toEqual([3, 4, 5, 6].map((n) => ["n", n]));
  expect(client.positions["kept:1"]![0]).toBe(client.ends[3]);
});

it("replays in middleware no more than may wait for the client, and the rest when it is let in", async () => {
  const served = await serve(options);
  for (let i = 0; i < 3_000; i++) served.io.to("kept:1").emit("n", i, "x".repeat(1_000));
  const replayed: number[] = [];
  served.io.use(async (socket, next) => {
    replayed.push((await socket.join("kept:1", { since: "1h" })).events);
    next();
  });
  const client = await reader(served.port, { credit: 5_000 });
  await client.count(3_000);
  expect(replayed[0]).toBeLessThan(2_000);
  expect(client.events.map(([, n]) => n)).toEqual(Array.from({ length: 3_000 }, (_, i) => i));
});

it("goes on where middleware says so once it is known where that is", async () => {
  const served = await serve(options);
  served.io.use((socket, next) => {
    socket
      .join("kept:1", { since: "last" })
      .then(({ resumed }) => next(resumed ? new Error("known") : undefined));
  });
  const first = await reader(served.port);
  await first.control("joined");
  await left(first);
  for (let i = 0; i < 5; i++) await served.io.to("kept:1").publish("n", i);
  const second = await again(served.port, first);
  await second.control("replayed");
  await served.io.to("kept:1").publish("n", 5);
  await second.count(6);
  expect(second.events.map(([, n]) => n)).toEqual([0, 1, 2, 3, 4, 5]);
});
