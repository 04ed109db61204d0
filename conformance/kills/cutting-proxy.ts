import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Passes bytes on to a port, and cuts connections when it is told to, wherever in a message that is. */
export class CuttingProxy {
  cuts = 0;
  readonly #server: Server;
  readonly #pairs = new Set<[Socket, Socket]>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(port: number): Promise<CuttingProxy> {
    const server = createServer();
    const proxy = new CuttingProxy(server);
    server.on("connection", (client) => proxy.#join(client, connect(port, "127.0.0.1")));
    await new Promise<void>((resolve) => server.listen(0, resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Cuts each connection with this probability. */
  cut(probability: number): void {
    for (const [client, upstream] of this.#pairs) {
      if (Math.random() >= probability) continue;
      this.cuts++;
      // one way first: what the server does then, the client may not hear of
      client.destroy();
      upstream.resetAndDestroy();
    }
  }

  close(): void {
    this.#server.close();
    this.cut(1);
  }

  #join(client: Socket, upstream: Socket): void {
    const pair: [Socket, Socket] = [client, upstream];
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [upstream, client] as const]) {
      from.on("data", (bytes) => to.write(bytes));
      from.on("error", () => {});
      from.on("close", () => {
        this.#pairs.delete(pair);
        to.destroy();
      });
    }
  }
}
