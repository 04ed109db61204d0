import { encodeFrame, type FrameType } from "@holdfast/protocol";
import { nextTick } from "./timers.ts";
import { encodeText, type Packet, type RawData, Transport, type WriteOptions } from "./transport.ts";

/** WebSocket, as browsers and recent versions of Node have it. */
export class WS extends Transport {
  declare ws: WebSocket | undefined;

  get name(): string {
    return "websocket";
  }

  open(): void {
    this.readyState = "opening";
    try {
      const ws = this.createSocket(this.uri());
      this.ws = ws;
      ws.binaryType = this.opts.socket.binaryType as never;
      ws.onopen = () => this._onOpen();
      ws.onclose = (context) => this._onClose({ description: "websocket connection closed", context });
      ws.onmessage = ({ data }) => this._onData(data);
      ws.onerror = (event) => this._onError("websocket error", event);
    } catch (error) {
      this.emit("error", error as Error);
    }
  }

  protected createSocket(uri: string): WebSocket {
    return new WebSocket(uri, this.opts.protocols);
  }

  protected override _doClose(): void {
    this.ws?.close();
  }

  protected override async _write(packets: Packet[]): Promise<void> {
    for (const packet of packets) {
      const { type, data, options } = packet;
      // only Node's takes options
      (this.ws as unknown as { send(data: RawData, options?: WriteOptions): void }).send(
        this.opts.forceBase64 ? await encodeText(packet) : encodeFrame(type as FrameType, data),
        options,
      );
    }
    // later: the connection is about to put away what it has handed over
    nextTick(() => this._onDrain());
  }
}
