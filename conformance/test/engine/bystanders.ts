import { expect } from "vitest";
import { PollingClient } from "../../src/polling-client.ts";
import type { startEngine } from "../../src/servers.ts";
import { WsClient } from "../../src/ws-client.ts";

/** A server with a bystander on each transport, who must not notice anything. */
export async function withBystanders(start: Promise<Awaited<ReturnType<typeof startEngine>>>) {
  const server = await start;
  const polling = await PollingClient.connect(server.port);
  const ws = await WsClient.handshake(server.port);
  const sockets = (await server.connections.take(2)).map(([socket]) => socket);
  return {
    ...server,
    async expectUnharmed(): Promise<void> {
      for (const socket of sockets) {
        expect(socket.readyState).toBe("open");
        socket.send("still here");
      }
      expect(await polling.next()).toBe("4still here");
      expect(await ws.next()).toBe("4still here");
      expect((await PollingClient.connect(server.port)).sid).toBeTypeOf("string");
      await server.connections.next();
    },
  };
}
