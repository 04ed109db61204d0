import { createServer, type Server as HttpServer, type RequestListener } from "node:http";
import type { AddressInfo, Socket as TcpSocket } from "node:net";
import type { Server as IoServer, ServerOptions } from "socket.io";
import { cleanUpLater } from "./cleanup.ts";
import type { EngineOptions, EngineServer, EngineSocket } from "./engine-api.ts";
import { eventsOf, nextEvent, type Queue, turns } from "./events.ts";
import type { Target } from "./targets.ts";

export interface RunningEngine {
  engine: EngineServer;
  httpServer: HttpServer;
  port: number;
  /** `http://localhost:port` */
  url: string;
  /** Every connection from the start, in order. */
  connections: Queue<[EngineSocket]>;
}

export interface RunningIo {
  io: IoServer;
  httpServer: HttpServer;
  port: number;
  url: string;
}

/**
 * An HTTP server on a free port with an Engine.IO server attached, both gone when the test ends.
 * `options` go to the constructor and to `attach`, as `engine.attach(server, options)` does.
 */
export async function startEngine(
  target: Target,
  options: EngineOptions = {},
  httpServer: HttpServer = createServer(),
): Promise<RunningEngine> {
  const engine = target.engine.attach(httpServer, options);
  const connections = eventsOf<[EngineSocket]>(engine, "connection");
  const port = await listen(httpServer);
  cleanUpLater(() => engine.close());
  return { engine, httpServer, port, url: `http://localhost:${port}`, connections };
}

/** A Socket.IO server on a free port, closed with all its connections when the test ends. */
export async function startIo(
  target: Target,
  options: Partial<ServerOptions> = {},
  httpServer: HttpServer = createServer(),
): Promise<RunningIo> {
  const io = new target.io.Server(httpServer, options);
  const port = await listen(httpServer);
  cleanUpLater(() => io.close());
  return { io, httpServer, port, url: `http://localhost:${port}` };
}

/** A plain HTTP server on a free port, for tests that attach by themselves. */
export async function startHttp(
  listener?: RequestListener,
): Promise<{ httpServer: HttpServer; port: number }> {
  const httpServer = createServer(listener);
  return { httpServer, port: await listen(httpServer) };
}

/** Listens on a free port of the loopback; when the test ends, the port and every TCP connection are closed. */
export async function listen(httpServer: HttpServer): Promise<number> {
  const open = new Set<TcpSocket>();
  const track = (socket: TcpSocket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  };
  httpServer.on("connection", track);
  cleanUpLater(async () => {
    const closed = new Promise((resolve) => httpServer.close(resolve));
    for (const socket of open) socket.destroy();
    await closed;
  });
  await new Promise<void>((resolve, reject) => {
    httpServer.once("error", reject);
    httpServer.listen(0, resolve);
  });
  return (httpServer.address() as AddressInfo).port;
}

/** Starts a request and resolves once the server has it: a poll that is pending, say. */
export async function pending<T>(
  httpServer: HttpServer,
  start: () => Promise<T>,
): Promise<{ response: Promise<T> }> {
  const arrived = nextEvent(httpServer, "request");
  const response = start();
  response.catch(() => {}); // whoever awaits it sees the rejection
  await arrived;
  await turns(3);
  return { response };
}
