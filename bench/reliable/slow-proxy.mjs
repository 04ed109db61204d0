import { once } from "node:events";
import { connect, createServer } from "node:net";

/** A TCP proxy to a port, on which bytes take `ms` milliseconds each way. Resolves with its own port. */
export async function slowProxy(port, ms) {
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ]) {
      from.setNoDelay();
      from.on("data", (bytes) => setTimeout(() => to.write(bytes), ms));
      from.on("close", () => to.destroy());
      from.on("error", () => {});
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server.address().port;
}
