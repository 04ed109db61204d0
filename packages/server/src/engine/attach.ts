import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { AttachOptions } from "./options.ts";

const DESTROY_UPGRADE_TIMEOUT_MS = 1_000;

/** What is attached to an HTTP server. */
export interface Attachable {
  readonly opts: { readonly transports: readonly string[] };
  handleRequest(req: IncomingMessage, res: ServerResponse): void;
  handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** The HTTP server listens. */
  init(): void;
  /** The HTTP server has closed. */
  close(): unknown;
}

/** The path that is served: without its own trailing slash, and with one unless the options say no. */
export function computePath({ path = "/engine.io", addTrailingSlash }: AttachOptions): string {
  const bare = path.replace(/\/$/, "");
  return addTrailingSlash === false ? bare : `${bare}/`;
}

/** Puts `engine` before the request listeners of `server`: its path is answered, all else goes to them as before. */
export function attachTo(engine: Attachable, server: HttpServer, options: AttachOptions): void {
  const path = computePath(options);
  const isOurs = (req: IncomingMessage) => req.url!.startsWith(path);
  const others = server.listeners("request") as ((req: IncomingMessage, res: ServerResponse) => void)[];
  server.removeAllListeners("request");
  server.on("close", () => engine.close());
  server.on("listening", () => engine.init());
  server.on("request", (req, res) => {
    if (isOurs(req)) engine.handleRequest(req, res);
    else for (const listener of others) listener.call(server, req, res);
  });
  if (!engine.opts.transports.includes("websocket")) return;
  server.on("upgrade", (req, socket, head) => {
    if (isOurs(req)) engine.handleUpgrade(req, socket, head);
    else if (options.destroyUpgrade !== false) {
      destroyUnanswered(socket, options.destroyUpgradeTimeout || DESTROY_UPGRADE_TIMEOUT_MS);
    }
  });
}

/** Node ends an upgrade that nobody listens for; since we listen, it is for us to end what nobody answers. */
function destroyUnanswered(socket: Duplex & { bytesWritten?: number }, timeoutMs: number): void {
  socket.on("error", () => {});
  setTimeout(() => {
    if (socket.writable && (socket.bytesWritten ?? 0) <= 0) socket.end();
  }, timeoutMs);
}
