import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** An Express-style middleware. */
export type Middleware = (
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => unknown;

/** Runs the middlewares one after the other; rejects with the first error. A middleware that answers never calls on. */
export async function runMiddlewares(
  middlewares: readonly Middleware[],
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  for (const middleware of middlewares) {
    await new Promise<void>((resolve, reject) => {
      const next = (error?: unknown) => (error ? reject(error) : resolve());
      const run = async () => middleware(req, res, next);
      run().catch(next);
    });
  }
}

/** The headers that middlewares set on an upgrade, until `ws` writes the response. */
const upgradeHeaders = new WeakMap<IncomingMessage, Record<string, unknown>>();

/** Takes what middlewares set; once. */
export function takeUpgradeHeaders(req: IncomingMessage): Record<string, unknown> {
  const headers = upgradeHeaders.get(req) ?? {};
  upgradeHeaders.delete(req);
  return headers;
}

/**
 * As much of a ServerResponse as middlewares need of an upgrade request, which has no response of its own: headers are
 * collected, ending it destroys the socket, and `finish` and `close` are emitted.
 */
export class UpgradeResponse extends EventEmitter {
  readonly req: IncomingMessage;
  readonly socket: Duplex;
  readonly #headers: Record<string, unknown> = {};

  constructor(req: IncomingMessage, socket: Duplex) {
    super();
    this.req = req;
    this.socket = socket;
    upgradeHeaders.set(req, this.#headers);
    socket.once("close", () => this.emit("close"));
  }

  setHeader(name: string, value: unknown): void {
    this.#headers[name] = value;
  }

  getHeader(name: string): unknown {
    return this.#headers[name];
  }

  removeHeader(name: string): void {
    delete this.#headers[name];
  }

  write(): void {}

  writeHead(): void {}

  end(): void {
    this.emit("finish");
    this.socket.destroy();
  }
}
