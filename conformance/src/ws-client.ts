import { WebSocket } from "ws";
import { cleanUpLater } from "./cleanup.ts";
import { nextEvent, Queue, within } from "./events.ts";
import { queryOf } from "./http-request.ts";
import type { ConnectionOptions, OpenData } from "./polling-client.ts";

export interface WsOptions extends ConnectionOptions {
  /** Further options of the `ws` package. */
  ws?: WebSocket.ClientOptions;
}

/** A WebSocket that speaks no protocol of its own: a queue of messages in, `send` out. */
export class WsClient {
  readonly socket: WebSocket;
  readonly messages = new Queue<string | Buffer>("WebSocket message");
  /** Resolves when the connection has ended, however that came about. */
  readonly closed: Promise<{ code: number; reason: string }>;
  /** Headers of the 101 response. */
  headers: Record<string, string | string[] | undefined> = {};

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer, isBinary) => this.messages.push(isBinary ? data : data.toString()));
    socket.on("upgrade", (res) => {
      this.headers = res.headers;
    });
    socket.on("error", () => {}); // an error is always followed by a close, which tests look at
    const closed = new Promise<{ code: number; reason: string }>((resolve) => {
      socket.once("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    this.closed = closed;
    cleanUpLater(() => socket.terminate());
  }

  /** An established WebSocket with the given query (by default an Engine.IO v4 handshake). Rejects if refused. */
  static async connect(port: number, options: WsOptions = {}): Promise<WsClient> {
    const client = WsClient.begin(port, options);
    await within(
      new Promise<void>((resolve, reject) => {
        client.socket.once("open", resolve);
        client.socket.once("error", reject);
      }),
      "the WebSocket to open",
    );
    return client;
  }

  /** The same without waiting: for connections that are expected to fail. */
  static begin(port: number, options: WsOptions = {}): WsClient {
    const query = queryOf({ EIO: "4", transport: "websocket", ...options.query });
    const url = `ws://localhost:${port}${options.path ?? "/engine.io/"}?${query}`;
    return new WsClient(new WebSocket(url, { ...options.ws, headers: options.headers ?? {} }));
  }

  /** The status and body of a refused handshake. */
  static async refused(port: number, options: WsOptions = {}): Promise<{ status: number; text: string }> {
    const { socket } = WsClient.begin(port, options);
    const [, res] = await nextEvent<[unknown, NodeJS.ReadableStream & { statusCode: number }]>(
      socket,
      "unexpected-response",
    );
    let text = "";
    for await (const chunk of res) text += chunk.toString();
    return { status: res.statusCode, text };
  }

  /** Connects and consumes the open packet. */
  static async handshake(port: number, options: WsOptions = {}): Promise<WsClient & { open: OpenData }> {
    const client = await WsClient.connect(port, options);
    const open = JSON.parse((await client.next()).slice(1)) as OpenData;
    return Object.assign(client, { open });
  }

  /** The next text message; throws if it is binary. */
  async next(): Promise<string> {
    const message = await this.messages.next();
    if (typeof message !== "string") throw new Error(`expected text, got ${message.length} binary bytes`);
    return message;
  }

  async nextBinary(): Promise<Buffer> {
    const message = await this.messages.next();
    if (typeof message === "string") throw new Error(`expected binary, got the text ${message}`);
    return message;
  }

  send(data: string | Buffer): void {
    this.socket.send(data);
  }
}
