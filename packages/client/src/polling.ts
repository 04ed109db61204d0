import { decodePayload, SEPARATOR } from "@holdfast/protocol";
import { encodeAll, type Packet, Transport, TransportError } from "./transport.ts";

/** What an HTTP request came back with. */
export interface Answer {
  ok: boolean;
  status: number;
  text: string;
  /** The header Retry-After. */
  retryAfter?: string | null | undefined;
  /** What an application finds as `error.context`. */
  context: unknown;
}

/** HTTP long-polling: one GET waits for frames while POSTs send them. A subclass makes the requests. */
export abstract class Polling extends Transport {
  private _polling = false;
  private _onPause: (() => void) | undefined;

  get name(): string {
    return "polling";
  }

  /** What to call a failed GET and a failed POST. */
  protected abstract readonly errors: readonly [string, string];

  /** Makes a GET, or a POST with `data`. Rejects when there was no answer. */
  protected abstract request(uri: string, data: string | undefined): Promise<Answer>;

  override pause(onPause: () => void): void {
    this.readyState = "pausing";
    this._onPause = onPause;
    this._settle();
  }

  protected override doOpen(): void {
    this._poll();
  }

  protected override onData(data: string): void {
    for (const packet of decodePayload(data)) {
      if (this.readyState === "opening" && packet.type === "open") this.onOpen();
      if (packet.type === "close") {
        this.onClose({ description: "transport closed by the server" });
        return;
      }
      this.onPacket(packet);
    }
    if (this.readyState === "closed") return;
    this._polling = false;
    this.emitReserved("pollComplete");
    if (this.readyState === "open") this._poll();
    else this._settle();
  }

  protected override doClose(): void {
    const close = () => this.write([{ type: "close" }]);
    // a session that is still opening can be closed only once it has an id
    if (this.readyState === "open") close();
    else this.once("open", close);
  }

  protected override write(packets: Packet[]): void {
    this.writable = false;
    encodeAll(packets, false, (texts) => this.doWrite(texts.join(SEPARATOR), () => this.onDrain()));
  }

  protected override onDrain(): void {
    super.onDrain();
    this._settle();
  }

  protected doPoll(): void {
    this._request(undefined, (text) => this.onData(text));
  }

  protected doWrite(data: string, done: () => void): void {
    this._request(data, done);
  }

  protected uri(): string {
    return this.createUri("http", this.opts.timestampRequests !== false);
  }

  private _poll(): void {
    this._polling = true;
    this.doPoll();
    this.emitReserved("poll");
  }

  private _settle(): void {
    if (this.readyState === "pausing" && !this._polling && this.writable) {
      this.readyState = "paused";
      this._onPause!();
    }
  }

  private _request(data: string | undefined, done: (text: string) => void): void {
    const fail = (description: unknown, { retryAfter, context }: Partial<Answer> = {}) => {
      const error = new TransportError(this.errors[data === undefined ? 0 : 1], description, context);
      // seconds, or a date
      const ms = retryAfter ? +retryAfter * 1000 || Date.parse(retryAfter) - Date.now() : 0;
      if (ms > 0) error.data = { retryAfterMs: ms };
      this.emitReserved("error", error);
    };
    this.request(this.uri(), data).then(
      (answer) => (answer.ok ? done(answer.text) : fail(answer.status, answer)),
      fail,
    );
  }
}
