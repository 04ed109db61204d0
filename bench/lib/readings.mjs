// How benches read what a run of the load generator reports.
import { MICRO } from "./metrics.mjs";

const IDLE_WARM_CLIENTS = 500;

export const cpuPerDelivered = (report) => ({ cpu: (report.serverCpu * MICRO) / report.delivered });
export const latency = ({ p50, p99 }) => ({ p50, p99 });
// What the generator itself used is kept beside each figure, to show that it was not what was measured.
export const shares = (report) => ({
  serverShare: report.serverCpu / report.seconds,
  loadShare: report.loadCpu / report.seconds,
});

/** A bench that is one run of the generator against one server. */
export function single(kind, load, read, transport) {
  return ({ withServer, timed }) =>
    withServer({ kind, transport }, async (server) => {
      const report = await server.load(timed(load));
      return load.mode === "idle" ? read(report) : { ...read(report), ...shares(report) };
    });
}

/** Memory of `clients` idle connections, each of which has been through a heartbeat. Bytes per connection. */
export async function idleMemory({ withServer }, clients, kind = "idle", more = {}) {
  return withServer({ kind }, async (server) => {
    await server.load({ mode: "idle", clients: IDLE_WARM_CLIENTS, warm: 0, time: 0.1, ...more });
    const before = await server.settle();
    let after;
    await server.load({ mode: "idle", clients, warm: 0, time: 5, hold: 1, ...more }, async () => {
      after = await server.settle();
    });
    if (after.connections !== clients) throw new Error(`${after.connections} of ${clients} connections live`);
    const heap = ({ heapUsed, external }) => heapUsed + external;
    return { memory: (after.rss - before.rss) / clients, heap: (heap(after) - heap(before)) / clients };
  });
}
