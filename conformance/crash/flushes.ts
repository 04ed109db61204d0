import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { io, type Socket } from "socket.io-client";
import { freePort, startProcess } from "../kills/process.ts";
import { ROOMS } from "./rooms.ts";
import { isDurableOpen, type SystemCall, systemCalls } from "./strace.ts";

export interface FlushOrder {
  /** Events that were published one after the other, some at once. */
  readonly events: number;
  /** Writes of them to sockets: deliveries over either transport, and answers to `publish`. */
  readonly socketWrites: number;
  /** Of these, started before the event was on disk. */
  readonly tooEarly: number;
}

const SERVER = new URL("./server.ts", import.meta.url);
const EVENTS = 40;
const CALLS = "openat,pwrite64,pwritev,write,writev,sendto,sendmsg,fdatasync,fsync,msync";
/** Whole pages, so that every event is found in the write that stores it. */
const SHOWN_BYTES = 65_536;

export function hasStrace(): boolean {
  return process.platform === "linux" && spawnSync("strace", ["-V"]).status === 0;
}

/** Runs a server under strace and holds the order of its system calls against the promise: flushed, then delivered. */
export async function traceFlushes(): Promise<FlushOrder> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-flush-"));
  const trace = join(folder, "trace");
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const clients: Socket[] = [];
  try {
    const strace = ["strace", "-f", "-y", "-s", `${SHOWN_BYTES}`, "-e", `trace=${CALLS}`, "-o", trace];
    const server = await startProcess(SERVER, [join(folder, "data"), `${port}`, "1", "quiet"], strace);
    for (const transport of ["websocket", "polling"]) {
      const client = io(url, { forceNew: true, transports: [transport], reconnection: false });
      clients.push(client);
      await once(client as never, "connect");
      await client.emitWithAck("join", null);
    }
    const [publisher, reader] = clients as [Socket, Socket];
    const seen = new Set<string>();
    const all = new Promise<void>((resolve) => {
      reader.on("event", (name: string) => {
        seen.add(name);
        if (seen.size === EVENTS) resolve();
      });
    });
    for (let i = 0; i < EVENTS; i += 4) {
      const names = [i, i + 1, i + 2, i + 3].map(markerOf);
      await Promise.all(names.map((name) => publisher.emitWithAck("publish", [ROOMS[i % 2]], name)));
    }
    await all;
    // strace would leave it alive if it was killed itself
    const ended = once(server.child, "close");
    publisher.emit("die");
    await ended;
    return check(systemCalls(readFileSync(trace, "latin1")));
  } finally {
    for (const client of clients) client.disconnect();
    rmSync(folder, { recursive: true, force: true });
  }
}

const markerOf = (i: number) => `marker-${i}-`;

/**
 * LMDB writes pages, syncs the file, and then writes its meta page through a descriptor that syncs by itself (O_DSYNC):
 * with that the event is stored.
 */
function check(calls: readonly SystemCall[]): FlushOrder {
  const syncing = new Set(calls.filter(isDurableOpen).map(({ result }) => result));
  let socketWrites = 0;
  let tooEarly = 0;
  for (let i = 0; i < EVENTS; i++) {
    const concerned = calls.filter(({ text }) => text.includes(markerOf(i)));
    const stored = concerned.find(({ target }) => target.endsWith("data.mdb"));
    const sync = calls.find(
      ({ name, start, target, result }) =>
        (name === "fdatasync" || name === "fsync") &&
        target.endsWith("data.mdb") &&
        result === "0" &&
        start > (stored?.end ?? Number.POSITIVE_INFINITY),
    );
    const meta = calls.find(
      ({ name, start, target, descriptor }) =>
        name === "pwrite64" &&
        target.endsWith("data.mdb") &&
        syncing.has(descriptor) &&
        start > (sync?.end ?? Number.POSITIVE_INFINITY),
    );
    for (const { target, start } of concerned) {
      if (!target.startsWith("socket:") && !target.startsWith("TCP")) continue;
      socketWrites++;
      if (start < (meta?.end ?? Number.POSITIVE_INFINITY)) tooEarly++;
    }
  }
  return { events: EVENTS, socketWrites, tooEarly };
}
