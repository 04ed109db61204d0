import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { type Socket as Connection, Server as Engine } from "../src/engine/index.ts";
import { Gate, OutgoingPacket } from "../src/outbox/index.ts";

async function serve() {
  const http = createServer();
  const engine = new Engine();
  engine.attach(http);
  await new Promise<void>((resolve) => http.listen(0, resolve));
  onTestFinished(() => {
    engine.close();
    http.close();
  });
  const connect = () => {
    const { port } = http.address() as AddressInfo;
    const ws = new WebSocket(`ws://localhost:${port}/engine.io/?EIO=4&transport=websocket`);
    const texts: string[] = [];
    ws.on("message", (data) => texts.push(String(data)));
    const opened = new Promise<void>((resolve) => ws.once("message", () => resolve()));
    const closed = new Promise<void>((resolve) => ws.once("close", () => resolve()));
    return { ws, texts, opened, closed };
  };
  return { http, engine, connect };
}

it("A close waits for what is behind a gate, and not for what is issued after it.", async () => {
  const { engine, connect } = await serve();
  const arrival = new Promise<Connection>((resolve) => engine.once("connection", resolve as never));
  const client = connect();
  const connection = await arrival;
  const gates = [new Gate(), new Gate()];
  const reason = new Promise((resolve) => connection.once("close", resolve));
  connection.outbox.share(new OutgoingPacket(["before"], { gate: gates[0] }));
  connection.close();
  connection.outbox.share(new OutgoingPacket(["after"], { gate: gates[1] }));
  expect(connection.readyState).toBe("closing");
  gates[0]!.open();
  await client.closed;
  expect(await reason).toBe("forced close");
  expect(client.texts.slice(1)).toEqual(["4before"]);
});

it("A listener that throws leaves the connection as usable as Socket.IO does.", async () => {
  const { http, engine, connect } = await serve();
  const [upgrade] = http.listeners("upgrade") as ((...args: unknown[]) => void)[];
  const thrown: unknown[] = [];
  http.removeAllListeners("upgrade");
  http.on("upgrade", (...args) => {
    try {
      upgrade!(...args);
    } catch (error) {
      thrown.push(error);
    }
  });
  engine.on("connection", () => {
    throw new Error("thrown by a listener");
  });
  const client = connect();
  await client.opened;
  expect(thrown).toHaveLength(1);
  client.ws.terminate();
});
