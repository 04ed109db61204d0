import { createServer } from "node:http";
import { attach } from "engine.io";
import { expect, it } from "vitest";
import { Server } from "../src/index.ts";
import { listen, next, pair, record } from "./support.ts";

it("Engine.IO's own server can be bound.", async () => {
  const http = createServer();
  const io = new Server();
  io.bind(attach(http as never, { path: "/socket.io/" }));
  const running = await listen(io, http);
  const [[socket, client], [other, otherClient]] = [await pair(running), await pair(running)];
  socket.on("echo", (bytes: Buffer, reply: (bytes: Buffer) => void) => reply(bytes));
  expect(await client.emitWithAck("echo", Buffer.from([1, 2]))).toEqual(Buffer.from([1, 2]));
  const heard = [record(client), record(otherClient)];
  socket.broadcast.emit("others");
  io.emit("all", new Uint8Array([3]));
  await Promise.all([next(client as never, "all"), next(otherClient as never, "all")]);
  expect(heard).toEqual([["all"], ["others", "all"]]);
  const reason = next(other as never, "disconnect");
  otherClient.io.engine.close();
  expect((await reason)[0]).toBe("transport close");
});
