import { createServer, type Server as HttpServer } from "node:http";
import type { AttachOptions, ServerOptions } from "./options.ts";
import * as parser from "./parser.ts";
import { Server } from "./server.ts";
import transports from "./transports/index.ts";

export { Connection as Socket, type Consumer, type OutgoingFrame, type SendOptions } from "./connection.ts";
export type { AttachOptions, ServerOptions, TransportName } from "./options.ts";
export type { EngineRequest } from "./request.ts";
export { randomId } from "./session-id.ts";
export { Transport } from "./transport.ts";
export { parser, Server, transports };

/** The revision of Engine.IO's protocol. */
export const { protocol } = parser;

/** Makes an HTTP server that serves nothing else, and listens. */
export function listen(
  port: number,
  options?: (ServerOptions & AttachOptions) | (() => void),
  onListening?: () => void,
): Server {
  const httpServer = createServer((_req, res) => {
    res.writeHead(501);
    res.end("Not Implemented");
  });
  const engine = attach(httpServer, typeof options === "function" ? {} : options);
  engine.httpServer = httpServer;
  httpServer.listen(port, typeof options === "function" ? options : onListening);
  return engine;
}

/** Serves a path of an existing HTTP server. */
export function attach(server: HttpServer, options?: ServerOptions & AttachOptions): Server {
  const engine = new Server(options);
  engine.attach(server, options);
  return engine;
}
