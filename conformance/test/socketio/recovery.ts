import { expect } from "vitest";
import type { PollingClient } from "../../src/polling-client.ts";
import {
  type ClientSocket,
  flushed,
  type Kit,
  once,
  type Pair,
  type Running,
  type Socket,
  settled,
} from "./support.ts";

/** Records name and first argument: the last argument of an event may be its offset. */
export function recordNames(client: ClientSocket): unknown[][] {
  const heard: unknown[][] = [];
  client.onAny((name, value) => {
    if (!String(name).startsWith("fence-")) heard.push([name, value]);
  });
  return heard;
}

/**
 * A client that got one event, and thus an offset, and then lost its connection. `meanwhile` runs while it is
 * away; resolves once it is back, with its new socket on the server.
 */
export async function away(
  running: Running,
  [socket, client]: Pair,
  meanwhile: (socket: Socket) => unknown,
): Promise<Socket> {
  const gone = once(socket, "disconnect");
  const arrival = once<[Socket]>(socket.nsp, "connection");
  client.io.reconnection(false);
  client.io.engine.close();
  await gone;
  await meanwhile(socket);
  client.connect();
  await settled(client);
  const [back] = await arrival;
  await flushed(running.io.of(socket.nsp.name), client);
  return back;
}

/** A raw session that got one event and lost its connection, with what it takes to come back. */
export async function lostSession(
  kit: Kit,
  running: Running,
): Promise<{ sid: string; pid: string; offset: string }> {
  const arrival = once<[Socket]>(running.io, "connection");
  const polling: PollingClient = await kit.rawPolling(running);
  await polling.send("40");
  const { sid, pid } = JSON.parse((await polling.next()).slice(2));
  const [socket] = await arrival;
  socket.join("room1");
  running.io.to("room1").emit("first", 1);
  const [name, value, offset] = JSON.parse((await polling.next()).slice(2));
  expect([name, value]).toEqual(["first", 1]);
  const gone = once<[string]>(socket, "disconnect");
  await polling.send("1");
  expect((await gone)[0]).toBe("transport close");
  return { sid, pid, offset };
}
