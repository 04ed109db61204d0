import type * as SocketIo from "socket.io";
import { describe, test } from "vitest";
import type { EngineModule } from "./engine-api.ts";

/** One implementation of the server side: the stock packages, or ours under the same API. */
export interface Target {
  name: "stock" | "ours";
  engine: EngineModule;
  io: typeof SocketIo;
}

// Not literals: a suite that runs against one implementation must not need the other to resolve.
const modules = {
  stock: { engine: "engine.io", io: "socket.io" },
  ours: { engine: "holdfast/engine", io: "holdfast" },
} as const;

/** What the environment asks for: HOLDFAST_TARGET = stock | ours | both (the default). */
export const selected: Target["name"][] = (() => {
  const wanted = process.env.HOLDFAST_TARGET ?? "both";
  if (wanted === "both") return ["stock", "ours"];
  if (wanted === "stock" || wanted === "ours") return [wanted];
  throw new Error(`HOLDFAST_TARGET must be stock, ours or both, not "${wanted}"`);
})();

type Loaded = { target: Target } | { name: Target["name"]; failure: unknown };

const loaded: Loaded[] = await Promise.all(selected.map(load));

/**
 * Registers the same tests once per selected implementation. An implementation that cannot be imported is a
 * failing test: silence would look like success.
 */
export function describeEachServer(title: string, define: (target: Target) => void): void {
  for (const entry of loaded) register(entry, title, define);
}

/**
 * Tests of what Socket.IO gets wrong (it crashes, hangs or leaks) and we must not. Each one says so in a comment:
 * everything else belongs in `describeEachServer`.
 */
export function describeOurs(title: string, define: (target: Target) => void): void {
  for (const entry of loaded) {
    if (("target" in entry ? entry.target.name : entry.name) === "ours") register(entry, title, define);
  }
}

function register(entry: Loaded, title: string, define: (target: Target) => void): void {
  if ("target" in entry) {
    describe(`${title} [${entry.target.name}]`, () => define(entry.target));
  } else {
    test(`${title} [${entry.name}]: the implementation can be imported`, () => {
      throw entry.failure;
    });
  }
}

async function load(name: Target["name"]): Promise<Loaded> {
  const [engine, io] = await Promise.allSettled([
    import(/* @vite-ignore */ modules[name].engine),
    import(/* @vite-ignore */ modules[name].io),
  ]);
  if (engine.status === "rejected") return { name, failure: engine.reason };
  return {
    target: {
      name,
      engine: engine.value as EngineModule,
      // the connection layer can be tested without the layer above it: only a test that asks for it fails
      get io(): typeof SocketIo {
        if (io.status === "rejected") throw io.reason;
        return io.value as typeof SocketIo;
      },
    },
  };
}
