import { nextTick } from "./timers.ts";
import { encodeAll, type Packet, type RawData, Transport } from "./transport.ts";

/** WebSocket, as browsers and recent versions of Node have it. */
export class WS extends Transport {
  ws: WebSocket | undefined;

  get name(): string {
    return "websocket";
  }

  protected createSocket(uri: string): WebSocket {
    const { protocols, extraHeaders: headers } = this.opts;
    // React Native takes headers; browsers ignore the third argument
    return new (globalThis.WebSocket as new (...args: unknown[]) => WebSocket)(uri, protocols, { headers });
  }

  protected doWrite(_packet: Packet, data: RawData): void {
    this.ws!.send(data);
  }

  protected override doOpen(): void {
    let ws: WebSocket;
    try {
      ws = this.ws = this.createSocket(this.uri());
    } catch (error) {
      this.emitReserved("error", error as Error);
      return;
    }
    ws.binaryType = this.socket.binaryType as globalThis.BinaryType;
    ws.onopen = () => this.onOpen();
    ws.onclose = (context) => this.onClose({ description: "websocket connection closed", context });
    ws.onmessage = ({ data }) => this.onData(data);
    ws.onerror = (event) => this.onError("websocket error", event);
  }

  protected override doClose(): void {
    const { ws } = this;
    if (ws) {
      // closing before it has opened is an error to WebSocket
      ws.onerror = () => {};
      ws.close();
      this.ws = undefined;
    }
  }

  protected override write(packets: Packet[]): void {
    this.writable = false;
    encodeAll(packets, this.supportsBinary, (encoded) => {
      encoded.forEach((data, index) => {
        try {
          this.doWrite(packets[index]!, data);
        } catch {
          // it has closed and will say so
        }
      });
      nextTick(() => this.onDrain());
    });
  }

  protected uri(): string {
    return this.createUri("ws", this.opts.timestampRequests);
  }
}
