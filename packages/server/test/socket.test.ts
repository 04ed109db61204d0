import type { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import { next, pair, raw, record, serve } from "./support.ts";

it("A volatile event right behind a broadcast to the others is sent.", async () => {
  const running = await serve();
  const [socket, client] = await pair(running);
  // the answer to CONNECT has left
  await new Promise<void>((resolve) => client.emit("ping", resolve) && socket.on("ping", (reply) => reply()));
  await new Promise((resolve) => setImmediate(resolve));
  const heard = record(client);
  socket.broadcast.emit("not to you");
  socket.volatile.emit("volatile");
  socket.emit("end");
  await next(client as never, "end");
  expect(heard).toEqual(["volatile", "end"]);
});

it("A second CONNECT that overtakes the answer to the first leaves no socket behind.", async () => {
  const { io, port } = await serve();
  const reasons: string[] = [];
  io.use((_socket, admit) => setImmediate(admit));
  io.on("connection", (socket) => socket.on("disconnect", (reason) => reasons.push(reason)));
  const client = await raw(port);
  client.ws.send("40");
  client.ws.send("40");
  await client.closed;
  expect(io.sockets.sockets.size).toBe(0);
  expect(io.sockets.adapter.rooms.size).toBe(0);
});

it("An error event from a client, which nobody listens to, does no harm.", async () => {
  const running = await serve();
  const [socket, client] = await pair(running);
  client.emit("error", "made up");
  client.emit("end");
  await next(socket as never, "end");
  const failure = next(socket as never, "error");
  client.emit("error", "heard");
  expect(await failure).toEqual(["heard"]);
});

it("Nothing of a socket's rooms, acknowledgements and listeners exists before somebody looks.", async () => {
  const running = await serve();
  const [socket] = await pair(running);
  expect(socket.joined).toBeNull();
  expect(socket.eventNames()).toEqual([]);
  expect(socket.listenersAny()).toEqual([]);
  socket.join("a");
  expect(socket.joined).toEqual(new Set([socket.id, "a"]));
  socket.leave("a");
  expect(socket.joined).toBeNull();
  expect(socket.rooms).toEqual(new Set([socket.id]));
});

it("A socket that has left everything is not reached by broadcasts.", async () => {
  const running = await serve();
  const [socket, client] = await pair(running);
  const heard = record(client);
  socket.leaveAll();
  running.io.emit("all");
  running.io.to(socket.id).emit("own room");
  socket.emit("direct");
  await next(client as never, "direct");
  expect(heard).toEqual(["direct"]);
  expect(socket.rooms).toEqual(new Set());
});

it("Adapters may write one encoded packet to many clients; all of them share it.", async () => {
  const running = await serve();
  const pairs = [await pair(running), await pair(running)];
  const encoded = running.io.encoder.encode({ type: 2, nsp: "/", data: ["shared", 1] });
  const arrivals = pairs.map(([, client]) => next(client as never, "shared"));
  for (const [socket] of pairs) socket.client.writeToEngine(encoded, { compress: true });
  expect(await Promise.all(arrivals)).toEqual([[1], [1]]);
});

it("The WebSocket below can be listened to, and no more, as any emitter.", async () => {
  const running = await serve();
  const [socket, client] = await pair(running);
  const { socket: webSocket } = socket.conn.transport as unknown as { socket: EventEmitter };
  const heard: string[] = [];
  webSocket.once("message", (data) => heard.push(`once ${data}`));
  const listener = (data: unknown) => heard.push(`on ${data}`);
  webSocket.on("message", listener);
  for (const event of ["a", "b"]) {
    client.emit(event);
    await next(socket as never, event);
  }
  webSocket.off("message", listener);
  client.emit("c");
  await next(socket as never, "c");
  expect(heard).toEqual(['once 42["a"]', 'on 42["a"]', 'on 42["b"]']);
  expect(webSocket.eventNames().sort()).toEqual(["close", "error", "message"]);
});
