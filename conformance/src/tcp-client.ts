import { connect, type Socket } from "node:net";
import { cleanUpLater } from "./cleanup.ts";
import { within } from "./events.ts";
import { queryOf } from "./http-request.ts";
import { decodeWsFrame, type WsFrame } from "./ws-frames.ts";

export interface RawResponse {
  status: number;
  head: string;
  body: Buffer;
}

/** A TCP connection at the level of bytes, with helpers that read HTTP responses and WebSocket frames. */
export class TcpClient {
  readonly socket: Socket;
  /** Resolves when the connection is gone, by FIN and close or by reset. */
  readonly closed: Promise<void>;
  #received: Buffer = Buffer.alloc(0);
  /** What has come since; joined only when it is looked at, so that megabytes in small pieces cost little. */
  #arrived: Buffer[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk) => {
      this.#arrived.push(chunk);
      this.#wake?.();
    });
    socket.on("error", () => {}); // a reset is a way to be closed
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#ended = true;
        this.#wake?.();
        resolve();
      });
    });
    cleanUpLater(() => socket.destroy());
  }

  static async connect(port: number): Promise<TcpClient> {
    const client = new TcpClient(connect(port, "localhost"));
    await within(new Promise((resolve) => client.socket.once("connect", resolve)), "the TCP connection");
    return client;
  }

  /** A TCP connection upgraded to a WebSocket; the open packet, if any, is still to be read. */
  static async webSocket(
    port: number,
    query: Record<string, string | undefined> = {},
    headers: string[] = [],
  ): Promise<TcpClient> {
    const client = await TcpClient.connect(port);
    const target = `/engine.io/?${queryOf({ EIO: "4", transport: "websocket", ...query })}`;
    client.write(upgradeRequest(target, headers));
    const { status, head } = await client.response();
    if (status !== 101) throw new Error(`no upgrade: ${head}`);
    return client;
  }

  write(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** The next `count` bytes. */
  async bytes(count: number): Promise<Buffer> {
    await this.#until(() => this.unread.length >= count, `${count} bytes`);
    return this.#cut(count);
  }

  /** Everything up to and including `marker`. */
  async through(marker: string): Promise<Buffer> {
    await this.#until(() => this.unread.includes(marker), JSON.stringify(marker));
    return this.#cut(this.unread.indexOf(marker) + Buffer.byteLength(marker));
  }

  /** The next HTTP response, of known or chunked length; a HEAD or 101 response has no body. */
  async response(options: { head?: boolean } = {}): Promise<RawResponse> {
    const head = (await this.through("\r\n\r\n")).toString("latin1");
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1]);
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    if (options.head || status === 101) return { status, head, body: Buffer.alloc(0) };
    if (!/^transfer-encoding: *chunked/im.test(head)) return { status, head, body: await this.bytes(length) };
    const chunks: Buffer[] = [];
    for (;;) {
      const size = Number.parseInt((await this.through("\r\n")).toString("latin1"), 16);
      const chunk = await this.bytes(size + 2);
      if (size === 0) return { status, head, body: Buffer.concat(chunks) };
      chunks.push(chunk.subarray(0, size));
    }
  }

  /** The next WebSocket frame, as sent by a server. */
  async frame(): Promise<WsFrame> {
    await this.#until(() => decodeWsFrame(this.unread) !== undefined, "a WebSocket frame");
    const decoded = decodeWsFrame(this.unread);
    if (!decoded) throw new Error("unreachable: the frame is complete");
    this.#received = decoded.rest;
    return decoded.frame;
  }

  /** The next frame's payload as text. */
  async text(): Promise<string> {
    return (await this.frame()).payload.toString("utf8");
  }

  /** What has arrived and was not read. */
  get unread(): Buffer {
    if (this.#arrived.length > 0) {
      this.#received = Buffer.concat([this.#received, ...this.#arrived.splice(0)]);
    }
    return this.#received;
  }

  #cut(count: number): Buffer {
    const cut = this.unread.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return cut;
  }

  async #until(ready: () => boolean, what: string): Promise<void> {
    while (!ready()) {
      if (this.#ended)
        throw new Error(`connection closed while awaiting ${what}; got ${this.unread.toString("latin1")}`);
      await within(
        new Promise<void>((resolve) => {
          this.#wake = resolve;
        }),
        what,
      );
    }
  }
}

/** The bytes of a valid WebSocket handshake request, with optional further header lines. */
export function upgradeRequest(target: string, headers: string[] = []): string {
  return [
    `GET ${target} HTTP/1.1`,
    "Host: localhost",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
    "",
    "",
  ].join("\r\n");
}
