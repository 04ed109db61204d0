// Ours, as users get it: the built package, with the options socket.io is given.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Server } from "holdfast";
import { serve } from "./app.mjs";
import { control } from "./control.mjs";
import { serverOptions } from "./options.mjs";

/** Programs whose rooms are kept. */
const KEPT = new Set(["kept", "resume-kept", "resume-idle"]);
const kind = process.argv[2];
const http = createServer();
const io = new Server(http, {
  ...serverOptions(kind, process.argv[3]),
  ...(KEPT.has(kind) ? { store: folder(), rooms: { "*": { keep: { events: 100_000 } } } } : {}),
  ...(kind.startsWith("recover-") || kind === "resume-chat" ? { store: folder() } : {}),
});
serve(io, kind);
http.listen(0, "127.0.0.1", () =>
  control(http.address().port, () => ({
    connections: io.engine.clientsCount,
    rooms: io.of("/").adapter.rooms.size,
  })),
);

function folder() {
  const path = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  process.on("exit", () => rmSync(path, { recursive: true, force: true }));
  return path;
}
