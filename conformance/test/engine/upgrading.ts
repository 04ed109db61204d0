import { expect } from "vitest";
import { nextEvent } from "../../src/events.ts";
import { PollingClient } from "../../src/polling-client.ts";
import { startEngine } from "../../src/servers.ts";
import type { Target } from "../../src/targets.ts";
import { WsClient } from "../../src/ws-client.ts";

/** A session on polling, and WebSockets that it may be upgraded to. */
export async function openPolling(target: Target, options = {}) {
  const server = await startEngine(target, options);
  const client = await PollingClient.connect(server.port);
  const [socket] = await server.connections.next();
  const webSocket = () => WsClient.connect(server.port, { query: { sid: client.sid } });
  /** A WebSocket whose probe has been answered. */
  const probed = async () => {
    const ws = await webSocket();
    ws.send("2probe");
    expect(await ws.next()).toBe("3probe");
    return ws;
  };
  return { ...server, client, socket, webSocket, probed };
}

/** A session that has been upgraded to `ws`. */
export async function openUpgraded(target: Target, options = {}) {
  const session = await openPolling(target, options);
  const ws = await session.probed();
  const upgraded = nextEvent(session.socket, "upgrade");
  ws.send("5");
  await upgraded;
  return { ...session, ws };
}
