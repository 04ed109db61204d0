import type { EventEmitter } from "node:events";
import type { Server as HttpServer, IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/**
 * The part of `engine.io`'s API that a program can touch, as both implementations must offer it.
 * Structural, because the stock typings hide members that programs and tools nevertheless use.
 */
export interface EngineModule {
  Server: EngineServerClass;
  Socket: abstract new (...args: never[]) => EngineSocket;
  attach(server: HttpServer, options?: EngineOptions): EngineServer;
  listen(port: number, options?: EngineOptions | (() => void), callback?: () => void): EngineServer;
  protocol: number;
  transports: Record<string, unknown>;
  parser: EngineParser;
}

export interface EngineParser {
  protocol: number;
  encodePacket(packet: EnginePacket, supportsBinary: boolean, callback: (encoded: unknown) => void): void;
  decodePacket(encoded: unknown, binaryType?: string): EnginePacket;
  encodePayload(packets: EnginePacket[], callback: (encoded: string) => void): void;
  decodePayload(encoded: string, binaryType?: string): EnginePacket[];
}

export interface EngineServerClass {
  new (options?: EngineOptions): EngineServer;
  errors: Record<string, number>;
  errorMessages: Record<number, string>;
}

export type Headers = Record<string, string | string[]>;

export interface EngineRequest extends IncomingMessage {
  _query: Record<string, string>;
}

export interface ConnectionError {
  req: EngineRequest;
  code: number;
  message: string;
  context: Record<string, unknown>;
}

export type EngineMiddleware = (req: never, res: never, next: (error?: unknown) => void) => void;

/** Options are passed through as they are: tests give wrong ones on purpose. */
export type EngineOptions = Record<string, unknown>;

export interface EngineServer extends EventEmitter {
  opts: EngineOptions;
  clients: Record<string, EngineSocket>;
  clientsCount: number;
  httpServer?: HttpServer;
  ws?: EventEmitter;
  attach(server: HttpServer, options?: EngineOptions): void;
  use(middleware: EngineMiddleware): void;
  generateId: (req: IncomingMessage) => string | PromiseLike<string>;
  handleRequest(req: IncomingMessage, res: ServerResponse): void;
  handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
  close(): EngineServer;
}

export interface EnginePacket {
  type: string;
  data?: unknown;
  options?: Record<string, unknown>;
}

export type SendCallback = (transport: EngineTransport) => void;

export interface EngineTransport extends EventEmitter {
  name: string;
  writable: boolean;
  readyState: string;
}

export interface EngineSocket extends EventEmitter {
  id: string;
  protocol: number;
  readyState: string;
  transport: EngineTransport;
  request: EngineRequest;
  remoteAddress: string;
  server: EngineServer;
  upgrading: boolean;
  upgraded: boolean;
  send(
    data: unknown,
    options?: Record<string, unknown> | SendCallback,
    callback?: SendCallback,
  ): EngineSocket;
  write(
    data: unknown,
    options?: Record<string, unknown> | SendCallback,
    callback?: SendCallback,
  ): EngineSocket;
  close(discard?: boolean): void;
}

export type { HttpServer, RequestListener };
