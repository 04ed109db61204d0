import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, startServer } from "../lib/processes.mjs";

const SERVER = new URL("server.mjs", import.meta.url);

/** Starts server.mjs on the first core, on a fresh folder. */
export async function start() {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const port = await freePort();
  const { ask, stop } = await startServer(SERVER, "holdfast", port, folder);
  return {
    url: `http://127.0.0.1:${port}`,
    ask,
    async stop() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
