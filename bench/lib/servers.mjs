import { fileURLToPath } from "node:url";
import { bunBinary, CACHE, redisBinary } from "./runtimes.mjs";

const NODE = [process.execPath, "--expose-gc"];

/**
 * Whom we measure. `plain` peers carry the same texts without Engine.IO's opening; `script` runs on `command`;
 * `extra` ones are bounds, not peers, and appear only where a bench asks for them.
 */
export const servers = {
  holdfast: { label: "holdfast", command: NODE, script: "holdfast.mjs", plain: false },
  socketio: { label: "socket.io", command: NODE, script: "socketio.mjs", plain: false },
  ws: { label: "ws", command: NODE, script: "ws.mjs", plain: true },
  bun: { label: "Bun publish", command: [bunBinary()], script: "bun.mjs", plain: true },
  net: { label: "bare net (Node)", command: NODE, script: "net.mjs", plain: true },
  bullmq: { label: "BullMQ on Redis", command: [redisBinary()], script: null, plain: true },
  floor: { label: "bare write (C)", command: [`${CACHE}/floor`], script: null, plain: true },
};

/** The command line of one server, or null where its runtime is missing. */
export function commandOf(name, kind, transport, profile) {
  const { command, script } = servers[name];
  if (!command[0]) return null;
  if (!script) return [...command];
  const path = fileURLToPath(new URL(`../servers/${script}`, import.meta.url));
  const profiling = profile && command === NODE ? ["--cpu-prof", `--cpu-prof-dir=${profile}`] : [];
  return [...command, ...profiling, path, kind, transport];
}
