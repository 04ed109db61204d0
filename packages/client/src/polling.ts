import { decodeFrame, SEPARATOR } from "@holdfast/protocol";
import { encodeText, type Packet, Transport } from "./transport.ts";

/** Why there is no answer: an HTTP status with the response and its header Retry-After, or an error. */
export type Failure = [description: unknown, context?: unknown, retryAfter?: string | null | undefined];

/**
 * HTTP long-polling: one GET waits for frames while POSTs send them. By fetch, which is everywhere now, with the
 * cookies and the names of errors that polling over XMLHttpRequest has.
 */
export class Polling extends Transport {
  declare private _polling: boolean;
  declare private _onPause: (() => void) | undefined;

  get name(): string {
    return "polling";
  }

  open(): void {
    this.readyState = "opening";
    this._poll();
  }

  override pause(onPause: () => void): void {
    this._onPause = onPause;
    this._settle();
  }

  /** Makes a GET, or a POST of `body`. Resolves with the answer's text, rejects with a {@link Failure} or an error. */
  protected async request(uri: string, body?: string): Promise<string> {
    const { extraHeaders, withCredentials } = this.opts;
    const response = await fetch(uri, {
      method: body ? "POST" : "GET",
      // a text goes as text/plain;charset=UTF-8
      body: body!,
      headers: extraHeaders!,
      // otherwise to the same origin, as by XMLHttpRequest
      credentials: (withCredentials ? "include" : undefined)!,
    });
    if (response.ok) return response.text();
    throw [response.status, response, response.headers.get("retry-after")] satisfies Failure;
  }

  protected override _onData(data: string): void {
    for (const text of data.split(SEPARATOR)) {
      const packet = decodeFrame(text);
      const { type } = packet;
      if (type === "close") this._onClose({ description: "transport closed by the server" });
      if (this.readyState === "closed") return;
      if (type === "open") this._onOpen();
      this._onPacket(packet);
    }
    this._polling = false;
    if (this._onPause) this._settle();
    else if (this.readyState === "open") this._poll();
  }

  protected override _doClose(): void {
    // a session that is still opening has no id to close it by
    this.send([{ type: "close" }]);
  }

  protected override _write(packets: Packet[]): void {
    Promise.all(packets.map(encodeText)).then((texts) =>
      this._request(() => this._onDrain(), texts.join(SEPARATOR)),
    );
  }

  protected override _onDrain(): void {
    super._onDrain();
    this._settle();
  }

  private _poll(): void {
    this._polling = true;
    this._request((text) => this._onData(text));
  }

  private _settle(): void {
    if (!this._polling && this.writable) this._onPause?.();
  }

  private _request(done: (text: string) => void, body?: string): void {
    this.request(this.uri(), body).then(done, (failure) =>
      this._onError(`xhr po${body ? "st" : "ll"} error`, ...([failure].flat() as Failure)),
    );
  }
}
