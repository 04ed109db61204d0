import type * as EngineClient from "engine.io-client";
import type * as IoClient from "socket.io-client";
import { describe, test } from "vitest";
import { cleanUpLater } from "./cleanup.ts";

/** One implementation of the client side. Each is loaded only when asked for. */
export type ClientName = "socket.io-client 4.8" | "socket.io-client 2.5" | "holdfast-client";

export interface ClientTarget {
  name: ClientName;
  /** Engine.IO's protocol version: a server needs `allowEIO3` for 3. */
  protocol: 3 | 4;
  /** `io(url, options)`; the socket is closed when the test ends. Each call makes a connection of its own. */
  connect(url: string, options?: ClientOptions): IoClient.Socket;
  /** The module itself, for tests of `Manager` and other exports. */
  module: typeof IoClient;
}

export type ClientOptions = Partial<IoClient.ManagerOptions & IoClient.SocketOptions>;

const modules: Record<ClientName, { specifier: string; protocol: 3 | 4 }> = {
  "socket.io-client 4.8": { specifier: "socket.io-client", protocol: 4 },
  "socket.io-client 2.5": { specifier: "socket.io-client-v2", protocol: 3 },
  "holdfast-client": { specifier: "holdfast-client", protocol: 4 },
};

/** The three ways in which a client's transports are usually configured. */
export const transportModes = {
  "polling only": { transports: ["polling"] },
  "websocket only": { transports: ["websocket"] },
  upgrading: { transports: ["polling", "websocket"] },
} as const;

/** Loads a client; rejects when it cannot be imported. */
export async function loadClient(name: ClientName): Promise<ClientTarget> {
  const { specifier, protocol } = modules[name];
  const imported = (await import(/* @vite-ignore */ specifier)) as typeof IoClient & { default?: unknown };
  // socket.io-client 2.x is CommonJS whose export is the function itself
  const module = (typeof imported.io === "function" ? imported : imported.default) as typeof IoClient;
  const io = (typeof imported.io === "function" ? imported.io : imported.default) as typeof IoClient.io;
  return {
    name,
    protocol,
    module,
    connect(url, options = {}) {
      const socket = io(url, { forceNew: true, ...options });
      cleanUpLater(() => {
        socket.disconnect();
        // a manager that is still opening or reconnecting is not ended by its socket
        const manager = socket.io as unknown as { _close?(): void; close?(): void };
        if (manager._close) manager._close();
        else manager.close?.();
      });
      return socket;
    },
  };
}

/** Registers tests once per client; a client that cannot be imported is a failing test. */
export async function describeEachClient(
  title: string,
  names: ClientName[],
  define: (client: ClientTarget) => void,
): Promise<void> {
  for (const name of names) {
    try {
      const client = await loadClient(name);
      describe(`${title} [${name}]`, () => define(client));
    } catch (failure) {
      test(`${title} [${name}]: the client can be imported`, () => {
        throw failure;
      });
    }
  }
}

/** The stock Engine.IO client, closed when the test ends. */
export async function connectEngineClient(
  url: string,
  options: Partial<EngineClient.SocketOptions> = {},
): Promise<EngineClient.Socket> {
  const { Socket } = await import("engine.io-client");
  const socket = new Socket(url, options as EngineClient.SocketOptions);
  cleanUpLater(() => socket.close());
  return socket;
}
