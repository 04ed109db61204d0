import { expect, it } from "vitest";
import type { Socket } from "../src/index.ts";
import { next, pair, raw, serve } from "./support.ts";

const deep = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

it("A packet that nests deeper than jsonDepthMax closes its connection, with an error on its socket.", async () => {
  const running = await serve({ jsonDepthMax: 2_000 });
  const client = await raw(running.port);
  const arrival = next(running.io as never, "connection");
  client.ws.send("40");
  const [socket] = (await arrival) as [{ on(event: string, listener: (error: Error) => void): void }];
  const failure = next<[Error]>(socket as never, "error");
  client.ws.send(`42["fine",${deep(1_999)}]`);
  client.ws.send(`42["deep",${deep(2_000)}]`);
  expect((await failure)[0].message).toBe("invalid payload");
  await client.closed;
});

it("An event or an acknowledgement with more arguments than a call can take closes its connection, and no exception escapes.", async () => {
  const { io, port } = await serve();
  io.on("connection", (socket) => {
    socket.on("many", (...args) => socket.emit("count", args.length));
    socket.emit("question", () => {});
  });
  const numbers = (count: number) => "0,".repeat(count).slice(0, -1);
  for (const packet of [`42["many",${numbers(450_000)}]`, `430[${numbers(450_000)}]`]) {
    const client = await raw(port);
    client.ws.send("40");
    await client.read();
    await client.read();
    client.ws.send(packet);
    await client.closed;
  }
  const client = await raw(port);
  client.ws.send("40");
  await client.read();
  await client.read();
  client.ws.send(`42["many",${numbers(9_999)}]`);
  expect(await client.read()).toBe('42["count",9999]');
  client.ws.send(`43[${numbers(10_001)}]`);
  await client.closed;
});

it("A packet with more attachments than a call can take arguments can be sent.", async () => {
  const [socket, client] = await pair(await serve());
  const question = next<[Buffer[]]>(client as never, "many");
  (client.io as unknown as { decoder: { opts: { maxAttachments: number } } }).decoder.opts = {
    maxAttachments: 200_000,
  };
  socket.emit(
    "many",
    Array.from({ length: 150_000 }, () => Buffer.of(1)),
  );
  expect((await question)[0]).toHaveLength(150_000);
});

it("A Blob, whose bytes are not at hand, is refused where it is emitted.", async () => {
  const running = await serve();
  const [socket, client] = await pair(running);
  expect(() => socket.emit("blob", new Blob(["x"]))).toThrow(TypeError);
  expect(() => running.io.emit("blob", new Blob(["x"]))).toThrow(TypeError);
  const answer = next(client as never, "fine");
  socket.emit("fine", 1);
  expect(await answer).toEqual([1]);
});

it("A packet with more attachments than attachmentsMax closes its connection.", async () => {
  const { port } = await serve({ attachmentsMax: 2 });
  const client = await raw(port);
  client.ws.send("40");
  await client.read();
  client.ws.send('453-["x",{"_placeholder":true,"num":0}]');
  await client.closed;
});

it("Attachments are ten by default.", async () => {
  const { io, port } = await serve();
  io.on("connection", (socket) => socket.on("bytes", (...args) => socket.emit("count", args.length)));
  const client = await raw(port);
  client.ws.send("40");
  await client.read();
  const placeholders = (count: number) =>
    Array.from({ length: count }, (_, num) => JSON.stringify({ _placeholder: true, num })).join();
  client.ws.send(`4510-["bytes",${placeholders(10)}]`);
  for (let i = 0; i < 10; i++) client.ws.send(Buffer.from([i]));
  expect(await client.read()).toBe('42["count",10]');
  client.ws.send(`4511-["bytes",${placeholders(11)}]`);
  await client.closed;
});

it("Namespaces past namespacesPerConnectionMax are refused, and the others go on.", async () => {
  const { io, port } = await serve({ namespacesPerConnectionMax: 2 });
  io.of(/^\/\d+$/);
  const client = await raw(port);
  for (const name of ["/1", "/2", "/3"]) client.ws.send(`40${name},`);
  const answers = [await client.read(), await client.read(), await client.read()];
  expect(answers).toContain('44/3,{"message":"Too many namespaces"}');
  expect(answers.filter((answer) => answer.startsWith("40/"))).toHaveLength(2);
});

it("A namespace that was left makes room for another.", async () => {
  const { io, port } = await serve({ namespacesPerConnectionMax: 1 });
  io.of("/1").use((_socket, refuse) => refuse(new Error("not you")));
  const client = await raw(port);
  client.ws.send("40/1,");
  expect(await client.read()).toBe('44/1,{"message":"not you"}');
  client.ws.send("40");
  const [socket] = await next<[Socket]>(io as never, "connection");
  expect(await client.read()).toMatch(/^40\{/);
  client.ws.send("41");
  await next(socket as never, "disconnect");
  client.ws.send("40/none,");
  expect(await client.read()).toBe('44/none,{"message":"Invalid namespace"}');
  client.ws.send("40");
  expect(await client.read()).toMatch(/^40\{/);
});

it("A socket in more rooms than roomsPerSocketMax hears of it and loses its connection, and no exception escapes.", async () => {
  const running = await serve({ roomsPerSocketMax: 3 });
  const [socket, client] = await pair(running);
  socket.on("join", (room: string) => void socket.join(room));
  const failure = next<[Error & { code: string }]>(socket as never, "error");
  const disconnect = next(client as never, "disconnect");
  for (const room of ["a", "b", "c"]) client.emit("join", room);
  expect((await failure)[0].code).toBe("TOO_MANY_ROOMS");
  expect(await disconnect).toContain("io server disconnect");
  expect(running.io.sockets.adapter.rooms.size).toBe(0);
});

it("A client that owes more acknowledgements than pendingAcksPerSocketMax loses its connection.", async () => {
  const running = await serve({ pendingAcksPerSocketMax: 2 });
  const [socket, client] = await pair(running);
  const failure = next<[Error & { code: string }]>(socket as never, "error");
  const disconnect = next(client as never, "disconnect");
  for (let i = 0; i < 3; i++) socket.emit("question", () => {});
  expect((await failure)[0].code).toBe("TOO_MANY_PENDING_ACKS");
  await disconnect;
});

it("attachApp is refused with a code.", async () => {
  const { io } = await serve();
  expect(() => io.attachApp({})).toThrow(expect.objectContaining({ code: "UNSUPPORTED" }));
});
