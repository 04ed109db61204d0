// A raw WebSocket that speaks as much Socket.IO as it takes to be in a room, and checks what it is sent.
import { connect } from "node:net";

const HANDSHAKE =
  "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n" +
  "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const HEAD = '42["e","';
const DIGITS = 8;

export class Reader {
  /** Events that came, in order and once; what else happened to them. */
  received = 0;
  lost = 0;
  repeated = 0;
  /** Resolves when the server has answered CONNECT. */
  connected;
  #socket;
  #rest = Buffer.alloc(0);
  #isOpen = false;
  #onConnected;
  #waiting;

  constructor(port) {
    this.connected = new Promise((resolve, reject) => {
      this.#onConnected = resolve;
      this.#socket = connect(port, "127.0.0.1");
      this.#socket.on("error", reject);
    });
    this.#socket.write(HANDSHAKE);
    this.#socket.on("data", (bytes) => this.#onData(bytes));
    this.#socket.on("close", () => {
      this.isClosed = true;
      this.#waiting?.resolve();
    });
  }

  stop() {
    this.#socket.pause();
  }

  go() {
    this.#socket.resume();
  }

  /** Resolves when so many events have come, or none will. */
  count(events) {
    return new Promise((resolve) => {
      this.#waiting = { events, resolve };
      this.#check();
    });
  }

  close() {
    this.#socket.destroy();
  }

  #onData(bytes) {
    let data = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : bytes;
    if (!this.#isOpen) {
      const end = data.indexOf("\r\n\r\n");
      if (end < 0) {
        this.#rest = data;
        return;
      }
      this.#isOpen = true;
      data = data.subarray(end + 4);
    }
    let at = 0;
    while (at + 2 <= data.length) {
      let length = data[at + 1];
      let start = at + 2;
      if (length === 126) {
        if (at + 4 > data.length) break;
        length = data.readUInt16BE(at + 2);
        start += 2;
      } else if (length === 127) {
        if (at + 10 > data.length) break;
        length = Number(data.readBigUInt64BE(at + 2));
        start += 8;
      }
      if (start + length > data.length) break;
      this.#onFrame(data, start, length);
      at = start + length;
    }
    this.#rest = at < data.length ? Buffer.from(data.subarray(at)) : Buffer.alloc(0);
    this.#check();
  }

  #onFrame(data, start, length) {
    if (length > HEAD.length + DIGITS && data[start + 4] === 0x65) {
      let n = 0;
      for (let i = start + HEAD.length; i < start + HEAD.length + DIGITS; i++) n = n * 10 + data[i] - 48;
      if (n === this.received) this.received++;
      else if (n < this.received) this.repeated++;
      else {
        this.lost += n - this.received;
        this.received = n + 1;
      }
      return;
    }
    const text = data.toString("utf8", start, start + length);
    if (text.startsWith("0")) this.#say("40");
    else if (text === "2") this.#say("3");
    else if (text.startsWith("40")) this.#onConnected();
  }

  #say(text) {
    // masked with zeros
    const payload = Buffer.from(text);
    this.#socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]));
  }

  #check() {
    if (this.#waiting && this.received >= this.#waiting.events) this.#waiting.resolve();
  }
}
