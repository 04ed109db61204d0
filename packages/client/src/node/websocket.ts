import type { Writable } from "node:stream";
import { type ClientOptions, WebSocket as NodeWebSocket } from "ws";
import type { Packet, RawData, WriteOptions } from "../transport.ts";
import { WS } from "../websocket.ts";
import { bytesFor } from "./bytes.ts";
import { cookieJarOf } from "./cookie-jar.ts";
import { pickOptions } from "./tls-options.ts";

/** Messages under this many bytes are not worth compressing. */
const THRESHOLD_BYTES = 1024;

/** WebSocket by `ws`: it knows headers, agents, TLS options and compression per message. */
export class NodeWS extends WS {
  protected override createSocket(uri: string): WebSocket {
    const { opts } = this;
    const jar = cookieJarOf(opts);
    const headers: Record<string, unknown> = { ...opts.extraHeaders };
    const name = Object.keys(headers).find((key) => key.toLowerCase() === "cookie") ?? "cookie";
    const cookies = [headers[name], jar?.header()].filter(Boolean).join("; ");
    if (cookies) headers[name] = cookies;
    const ws = new NodeWebSocket(uri, opts.protocols, {
      ...pickOptions(
        opts,
        "localAddress",
        "protocolVersion",
        "origin",
        "maxPayload",
        "family",
        "checkServerIdentity",
      ),
      agent: opts.agent || false,
      perMessageDeflate: opts.perMessageDeflate ?? true,
      headers,
    } as ClientOptions);
    if (opts.autoUnref) {
      ws.on("open", () => (ws as unknown as { _socket: { unref(): void } })._socket.unref());
    }
    const { perMessageDeflate } = opts;
    const threshold = perMessageDeflate === false ? 0 : (perMessageDeflate?.threshold ?? THRESHOLD_BYTES);
    const send = ws.send.bind(ws);
    const write = (data: RawData, options: WriteOptions = {}) => {
      const bytes = typeof data === "string" ? Buffer.byteLength(data) : (data.byteLength ?? data.size);
      send(data, { compress: options.compress !== false && bytes >= threshold });
    };
    ws.send = write as typeof ws.send;
    return ws as unknown as WebSocket;
  }

  /** What is sent together is one write to the kernel. */
  protected override async _write(packets: Packet[]): Promise<void> {
    const { _socket: socket } = this.ws as unknown as { _socket: Writable | null };
    socket?.cork();
    const written = super._write(packets);
    socket?.uncork();
    return written;
  }

  protected override _bytes(data: RawData): RawData {
    return bytesFor(this.opts, data);
  }
}
