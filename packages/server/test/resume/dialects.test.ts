// biome-ignore-all lint/suspicious/noExplicitAny: what comes over the wire
import type { ServerOptions, Socket } from "holdfast";
import * as msgpack from "socket.io-msgpack-parser";
import { expect, it } from "vitest";
import { connect, type Served, serve, Wire } from "../negotiation/wire.ts";
import { reader } from "./client.ts";

const options: Partial<ServerOptions> = { store: "memory", rooms: { "kept:*": { keep: true } } };

const socketOf = ({ sockets }: Served): Socket => sockets.at(-1)!;

it("leaves each sender out of what it sends, among many of both kinds", async () => {
  const served = await serve(options);
  const clients = [];
  for (let i = 0; i < 3; i++) {
    const stock = await connect(served.port);
    await stock.json("40");
    clients.push(await reader(served.port));
  }
  const sockets = [...served.sockets];
  for (const socket of sockets) void socket.join("kept:1");
  // in one tick: everybody says something to the others, twice, and something to itself
  for (const round of [1, 2]) {
    sockets.forEach((socket, i) => {
      socket.to("kept:1").emit("said", i, round);
      socket.emit("echo", i, round);
    });
  }
  for (const [n, client] of clients.entries()) {
    const self = 2 * n + 1;
    await client.count(12);
    const expected = [1, 2].flatMap((round) =>
      sockets.map((_, i) => (i === self ? ["echo", i, round] : ["said", i, round])),
    );
    expect(client.events).toEqual(expected);
    for (const [i, [name]] of client.events.entries()) expect(client.ends[i] === "").toBe(name === "echo");
  }
});

it("speaks to each namespace of a connection as that asked for", async () => {
  const served = await serve(options);
  served.io.of("/stock").on("connection", (socket) => socket.emit("welcome", "text"));
  const client = await reader(served.port);
  client.wire.say("40/stock,");
  expect(await client.wire.next()).toMatch(/^40\/stock,/);
  expect(await client.wire.next()).toBe('42/stock,["welcome","text"]');
  socketOf(served).emit("welcome", "text");
  expect(await client.wire.next()).toBe('42["welcome","text",""]');
  // what an adapter of the ecosystem would send
  const { client: both } = socketOf(served);
  both.writeToEngine(['2/stock,["a"]'], {});
  both.writeToEngine(['2["b"]'], {});
  both.writeToEngine(['27["c"]'], {});
  expect(await client.wire.next()).toBe('42/stock,["a"]');
  expect(await client.wire.next()).toBe('42["b",""]');
  expect(await client.wire.next()).toBe('427["c"]');
});

it("speaks stock to a socket that comes after one with resume", async () => {
  const served = await serve(options);
  const client = await reader(served.port);
  const gone = new Promise((resolve) => socketOf(served).on("disconnect", resolve));
  client.wire.say("41");
  await gone;
  client.wire.say("40");
  expect(await client.wire.next()).toMatch(/^40{/);
  socketOf(served).emit("a");
  expect(await client.wire.next()).toBe('42["a"]');
});

it("speaks so from the first event that middleware sends", async () => {
  const served = await serve(options);
  served.io.use((socket, next) => {
    socket.emit("early", 1);
    next(socket.handshake.auth.refused ? new Error("refused") : undefined);
  });
  const client = await connect(served.port, { holdfast: { resume: { credit: 1 } } });
  expect(await client.next()).toBe('42["early",1,""]');
  expect(await client.next()).toMatch(/^40{/);
  const stock = await connect(served.port);
  expect(await stock.next()).toBe('42["early",1]');
  const none = await connect(served.port, { holdfast: { resume: {} } });
  expect(await none.next()).toBe('42["early",1]');
  const refused = await connect(served.port, { refused: true, holdfast: { resume: { credit: 1 } } });
  expect(await refused.next()).toBe('42["early",1]');
  expect(await refused.next()).toBe('44{"message":"refused"}');
});

it("adds to events of any size and with any attachments", async () => {
  const served = await serve(options);
  const client = await reader(served.port);
  void socketOf(served).join("kept:1");
  const large = "ü".repeat(100_000);
  const buffers = [Buffer.alloc(50_000, 1), Buffer.of(2)];
  served.io.to("kept:1").emit("large", large, buffers);
  served.io.emit("large", large, buffers);
  socketOf(served).emit("empty");
  await client.count(3);
  expect(client.events).toEqual([["large", large, buffers], ["large", large, buffers], ["empty"]]);
  expect(client.ends).toEqual([expect.stringMatching(/./), "", ""]);
});

it("speaks any parser", async () => {
  const served = await serve({ ...options, parser: msgpack });
  for (let i = 0; i < 2; i++) served.io.to("kept:1").emit("past", i, Buffer.of(i));
  const wire = new Wire(served.port);
  const decoder = new msgpack.Decoder();
  const packets: { type: number; data: any }[] = [];
  decoder.on("decoded", (packet) => packets.push(packet as never));
  const next = async () => {
    while (packets.length === 0) {
      const message = await wire.next();
      if (typeof message !== "string") decoder.add(message);
    }
    return packets.shift()!;
  };
  const say = (packet: object) => {
    for (const part of new msgpack.Encoder().encode(packet as never) as unknown as Iterable<Buffer>)
      wire.socket.send(part);
  };
  await wire.next();
  say({ type: 0, nsp: "/", data: { holdfast: { resume: { credit: 1 } } } });
  expect((await next()).data.holdfast.resume.key).toEqual(expect.any(String));
  void socketOf(served).join("kept:1", { since: 2 });
  served.io.to("kept:1").emit("live", Buffer.of(9));
  socketOf(served).emit("direct");
  socketOf(served).emit("ask", () => {});
  const text = expect.stringMatching(/./);
  expect((await next()).data).toEqual(["joined", "kept:1", text, text, 1]);
  expect((await next()).data).toEqual(["replay", 1, ["kept:1"], 1]);
  expect((await next()).data).toEqual(["past", 0, Buffer.of(0), text]);
  say({ type: 2, nsp: "/", data: ["holdfast:credit", 1] });
  expect((await next()).data).toEqual(["past", 1, Buffer.of(1), text]);
  say({ type: 2, nsp: "/", data: ["holdfast:credit", 1] });
  expect((await next()).data).toEqual(["replayed", 1, 2, [["kept:1", text]], [], 1]);
  expect((await next()).data).toEqual(["live", Buffer.of(9), text]);
  expect((await next()).data).toEqual(["direct", ""]);
  expect((await next()).data).toEqual(["ask"]);
});

it("speaks so over long-polling", async () => {
  const served = await serve(options);
  const url = `http://localhost:${served.port}/socket.io/?EIO=4&transport=polling`;
  const poll = async (sid: string) => (await fetch(`${url}&sid=${sid}`)).text();
  const open = JSON.parse((await (await fetch(url)).text()).slice(1)) as { sid: string; holdfast: number };
  expect(open.holdfast).toBe(1);
  const { sid } = open;
  await fetch(`${url}&sid=${sid}`, { method: "POST", body: '40{"holdfast":{"resume":{"credit":1}}}' });
  expect(await poll(sid)).toMatch(/^40{"sid":.*"holdfast":{"resume":{"key":/);
  void socketOf(served).join("kept:1");
  served.io.to("kept:1").emit("kept");
  const frames: string[] = [];
  // the event may be on disk a little later
  while (frames.length < 2) frames.push(...(await poll(sid)).split("\x1e"));
  expect(frames.map((frame) => JSON.parse(frame.slice(2)))).toEqual([
    ["joined", "kept:1", expect.any(String), expect.any(String), 1],
    ["kept", expect.any(String)],
  ]);
});
