import type { IncomingMessage, ServerResponse } from "node:http";
import { decodePayload } from "@holdfast/protocol";
import { OutgoingPacket } from "../../outbox/index.ts";
import type { EngineRequest } from "../request.ts";
import { Transport } from "../transport.ts";
import { compress, type HttpCompression } from "./http-compression.ts";
import { payloadOf } from "./payload.ts";
import { decodePayloadV3, encodePayloadV3 } from "./payload-v3.ts";

/** How long a close may wait for the client's next poll. */
const CLOSE_TIMEOUT_MS = 30_000;

const NOOP = new OutgoingPacket([""], { type: "noop", compress: false });
const CLOSE = new OutgoingPacket([""], { type: "close", compress: false });

/** What a polling transport needs of its server. */
export interface PollingOptions {
  maxHttpBufferSize: number;
  httpCompression: HttpCompression;
  /** Told of each response's headers, which it may change. */
  onHeaders(headers: Record<string, unknown>, req: EngineRequest, sid: string): void;
}

/** Engine.IO over HTTP long-polling: one GET waits for what the server sends, POSTs bring what the client sends. */
export class Polling extends Transport {
  static override upgradesTo = ["websocket"];

  readonly takesBytes = false;
  readonly #options: PollingOptions;
  #poll: { req: EngineRequest; res: ServerResponse } | undefined;
  #post: IncomingMessage | undefined;
  #pending: readonly OutgoingPacket[] = [];
  /** The same as `#pending` once it is ours to change; others may have been given what we were. */
  #ownPending: OutgoingPacket[] | undefined;
  #pendingBytes = 0;
  #isResponding = false;
  /** The client is to be told of the close at its next poll. */
  #closeAtPoll: (() => void) | undefined;

  constructor(req: EngineRequest, options: PollingOptions) {
    super(req);
    this.#options = options;
  }

  get name(): string {
    return "polling";
  }

  get isIdle(): boolean {
    return this.#poll !== undefined && !this.#isResponding && this.#pending.length === 0;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get pendingPackets(): readonly OutgoingPacket[] {
    return this.#pending;
  }

  /** A GET or a POST of this session. */
  onRequest(req: EngineRequest): void {
    const res = req.res!;
    // the first request lives as long as the session: it must not keep its response
    req.res = null;
    if (req.method === "GET") this.#onPoll(req, res);
    else if (req.method === "POST") this.#onPost(req, res);
    else {
      res.writeHead(500);
      res.end();
    }
  }

  writeBytes(): void {
    throw new Error("a polling transport takes packets");
  }

  writePackets(packets: readonly OutgoingPacket[]): void {
    for (const packet of packets) this.#pendingBytes += packet.size;
    if (this.#pending.length === 0) this.#pending = packets;
    else for (const packet of packets) this.#own().push(packet);
    this.#respondIfPolled();
  }

  writeUrgent(packet: OutgoingPacket): void {
    this.#pendingBytes += packet.size;
    this.#own().unshift(packet);
    this.#respondIfPolled();
  }

  takePending(): readonly OutgoingPacket[] {
    const packets = this.#pending;
    this.#pending = [];
    this.#ownPending = undefined;
    this.#pendingBytes = 0;
    return packets;
  }

  /** Ends a poll that waits, so that the client can go on with an upgrade. */
  endPoll(): void {
    if (this.isIdle) this.writeUrgent(NOOP);
  }

  protected doClose(done: () => void): void {
    // a POST that is still coming in is cut off; one that was read gets its answer
    if (this.#post && !this.#post.complete) this.#post.destroy();
    const finish = () => {
      clearTimeout(timer);
      this.#closeAtPoll = undefined;
      done();
      this.onClose();
    };
    let timer: NodeJS.Timeout | undefined;
    if (this.isIdle) {
      this.writePackets([CLOSE]);
      finish();
    } else if (this.discarded) finish();
    else {
      this.#closeAtPoll = finish;
      // a process that has nothing else to do need not wait for this client
      timer = setTimeout(finish, CLOSE_TIMEOUT_MS).unref();
    }
  }

  protected override onClose(): void {
    // a poll that waits is ended
    this.endPoll();
    super.onClose();
  }

  /** The body of a POST, as its frames. */
  protected onPayload(payload: string | Buffer): void {
    const frames = this.protocol === 3 ? decodePayloadV3(payload) : decodePayload(payload as string);
    for (const frame of frames) {
      if (frame.type === "close") {
        this.onClose();
        return;
      }
      this.onFrame(frame);
    }
  }

  /** What goes into a response's body, around a payload. */
  protected wrap(payload: string | Buffer): string | Buffer {
    return payload;
  }

  #own(): OutgoingPacket[] {
    if (!this.#ownPending) {
      this.#ownPending = [...this.#pending];
      this.#pending = this.#ownPending;
    }
    return this.#ownPending;
  }

  #onPoll(req: EngineRequest, res: ServerResponse): void {
    // a compressed response may be with the client before we hear that it is written
    if (this.#isResponding && this.#poll?.res.writableEnded) this.#onResponded();
    if (this.#poll) {
      this.onError("overlap from client");
      res.writeHead(400);
      res.end();
      return;
    }
    const poll = { req, res };
    this.#poll = poll;
    res.once("close", () => {
      if (this.#poll !== poll) return;
      this.#poll = undefined;
      this.onError("poll connection closed prematurely");
    });
    this.#respondIfPolled();
    if (this.#poll === poll && this.isIdle) {
      if (this.#closeAtPoll) this.writePackets([NOOP]);
      else this.onReady();
    }
  }

  #respondIfPolled(): void {
    if (!this.#poll || this.#isResponding || this.#pending.length === 0) return;
    let packets = this.takePending();
    const closed = this.#closeAtPoll;
    this.owner?.onFlush(packets);
    if (closed) packets = [...packets, CLOSE];
    const payload = this.protocol === 3 ? encodePayloadV3(packets, this.supportsBinary) : payloadOf(packets);
    this.#respond(
      this.wrap(payload),
      packets.some((packet) => packet.compress),
    );
    this.owner?.onWritten();
    closed?.();
  }

  #respond(body: string | Buffer, mayCompress: boolean): void {
    const { req, res } = this.#poll!;
    this.#isResponding = true;
    const headers = this.#headers(req, {
      // the charset is for pages that are not served as UTF-8
      "Content-Type": isText(body, this.protocol) ? "text/plain; charset=UTF-8" : "application/octet-stream",
    });
    const done = () => {
      if (this.#poll?.res === res) this.#onResponded();
    };
    if (mayCompress && compress(req, res, body, headers, this.#options.httpCompression, done)) return;
    headers["Content-Length"] = Buffer.byteLength(body);
    res.writeHead(200, headers as never);
    res.end(body);
    done();
  }

  #onResponded(): void {
    this.#isResponding = false;
    this.#poll = undefined;
    this.onReady();
  }

  #onPost(req: EngineRequest, res: ServerResponse): void {
    if (this.#post) {
      this.onError("data request overlap from client");
      res.writeHead(400);
      res.end();
      return;
    }
    const isBinary = req.headers["content-type"] === "application/octet-stream";
    if (isBinary && this.protocol === 4) {
      this.onError("invalid content");
      res.writeHead(400).end();
      return;
    }
    this.#post = req;
    const chunks: Buffer[] = [];
    let bytes = 0;
    const stop = () => {
      req.off("data", onData).off("end", onEnd).off("close", onCut);
      this.#post = undefined;
    };
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= this.#options.maxHttpBufferSize) {
        chunks.push(chunk);
        return;
      }
      stop();
      res.writeHead(413).end();
      discardBody(req, this.#options.maxHttpBufferSize);
    };
    const onCut = () => {
      stop();
      this.onError("data request connection closed prematurely");
    };
    const onEnd = () => {
      const body = Buffer.concat(chunks, bytes);
      this.onPayload(isBinary ? body : body.toString());
      stop();
      if (res.destroyed || res.headersSent) return;
      // text/html, since some clients offer text/plain as a download
      const headers = this.#headers(req, { "Content-Type": "text/html", "Content-Length": "2" });
      res.writeHead(200, headers as never);
      res.end("ok");
    };
    req.on("data", onData).on("end", onEnd).on("close", onCut);
  }

  #headers(req: EngineRequest, headers: Record<string, unknown>): Record<string, unknown> {
    const agent = req.headers["user-agent"];
    // Internet Explorer takes a payload for an attack
    if (agent && (agent.includes(";MSIE") || agent.includes("Trident/"))) headers["X-XSS-Protection"] = "0";
    headers["cache-control"] = "no-store";
    this.#options.onHeaders(headers, req, this.sid);
    if (this.listenerCount("headers") > 0) this.emit("headers", headers, req);
    return headers;
  }
}

/** A payload of Engine.IO v4 is text, in bytes or not; one of v3 is what it is. */
function isText(body: string | Buffer, protocol: 3 | 4): boolean {
  return typeof body === "string" || protocol === 4;
}

/** Reads on, so that the client gets its answer; who sends as much again is cut off. */
function discardBody(req: IncomingMessage, bytesMax: number): void {
  let bytes = 0;
  req.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > bytesMax) req.destroy();
  });
}
