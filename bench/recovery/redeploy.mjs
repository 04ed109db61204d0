// Connections that come back after a clean restart: node redeploy.mjs <kind>; prints JSON. Raw WebSockets which wait
// before they dial as socket.io-client does, so that a core is enough for all of them.
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, startServer } from "../lib/processes.mjs";

const SERVER = new URL("server.mjs", import.meta.url);
const CONNECTIONS = 5_000;
const BATCH = 100;
const DELAY_MS = 1_000;
const DELAY_MS_MAX = 5_000;
const RANDOMIZATION = 0.5;
const BIN_MS = 200;
/** The first byte of a close frame. */
const CLOSE = 0x88;

const frame = (text) => {
  const bytes = Buffer.from(text);
  const header =
    bytes.length < 126 ? [0x80 | bytes.length] : [0x80 | 126, bytes.length >> 8, bytes.length & 255];
  return Buffer.concat([Buffer.from([0x81, ...header, 0, 0, 0, 0]), bytes]);
};
const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let connected = 0;
let recovered = 0;
let isStopping = false;
/** When answers to CONNECT came. */
let answers = [];

class Connection {
  pid = "";
  offset = "";
  /** Numbers of broadcasts. */
  got = [];
  #attempts = 0;
  #port;

  constructor(port) {
    this.#port = port;
  }

  dial() {
    const socket = connect(this.#port, "127.0.0.1");
    socket.setNoDelay();
    socket.write(
      "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n" +
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    );
    let rest = Buffer.alloc(0);
    let isOpen = false;
    let isIn = false;
    socket.on("data", (chunk) => {
      rest = rest.length ? Buffer.concat([rest, chunk]) : chunk;
      if (!isOpen) {
        const end = rest.indexOf("\r\n\r\n");
        if (end < 0) return;
        rest = rest.subarray(end + 4);
        isOpen = true;
        socket.write(frame(this.pid ? `40${JSON.stringify({ pid: this.pid, offset: this.offset })}` : "40"));
      }
      for (;;) {
        const extended = rest[1] === 126;
        const header = extended ? 4 : 2;
        if (rest.length < header) return;
        const length = extended ? rest.readUInt16BE(2) : rest[1];
        if (rest.length < header + length) return;
        if (rest[0] === CLOSE) socket.end(Buffer.from([CLOSE, 0x80, 0, 0, 0, 0]));
        const text = rest.subarray(header, header + length).toString();
        rest = rest.subarray(header + length);
        if (text === "2") socket.write(frame("3"));
        else if (text.startsWith("40")) {
          isIn = true;
          this.#onAnswer(JSON.parse(text.slice(2)).pid);
        } else if (text.startsWith("42")) {
          const data = JSON.parse(text.slice(2));
          this.got.push(data[1]);
          this.offset = data.at(-1);
        }
      }
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      if (isIn) connected--;
      if (isStopping) return;
      const base = Math.min(DELAY_MS * 2 ** this.#attempts++, DELAY_MS_MAX);
      setTimeout(() => this.dial(), base * (1 - RANDOMIZATION + 2 * RANDOMIZATION * Math.random()));
    });
  }

  #onAnswer(pid) {
    connected++;
    answers.push(performance.now());
    this.#attempts = 0;
    if (this.pid === pid) recovered++;
    this.pid = pid;
  }
}

const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
const port = await freePort();
const kind = process.argv[2];
let server = await startServer(SERVER, kind, port, folder);
const connections = Array.from({ length: CONNECTIONS }, () => new Connection(port));
for (let i = 0; i < CONNECTIONS; i += BATCH) {
  for (const connection of connections.slice(i, i + BATCH)) connection.dial();
  while (connected < i + BATCH) await delay(5);
}
for (let i = 0; i < 10; i++) server.write(`emit ${i}`);
while (connections.some(({ got }) => got.length < 10)) await delay(20);
answers = [];
const start = performance.now();
await server.stop();
server = await startServer(SERVER, kind, port, folder);
const listening = performance.now();
// missed by all: nobody is back yet
for (let i = 10; i < 20; i++) server.write(`emit ${i}`);
const cpu = server.cpu();
while (connected < CONNECTIONS) await delay(20);
const seconds = (performance.now() - start) / 1000;
await delay(300);
const cpuSeconds = server.cpu() - cpu;
const incomplete = connections.filter(
  ({ got }) => got.some((number, i) => number !== i) || got.length < 20,
).length;
const bins = new Map();
for (const at of answers) bins.set(Math.floor(at / BIN_MS), (bins.get(Math.floor(at / BIN_MS)) ?? 0) + 1);
isStopping = true;
await server.stop();
rmSync(folder, { recursive: true, force: true });
console.log(
  JSON.stringify({
    seconds,
    down: (listening - start) / 1000,
    peak: (Math.max(...bins.values()) * 1000) / BIN_MS,
    cpu: cpuSeconds,
    cpuEach: (cpuSeconds * 1e6) / CONNECTIONS,
    recovered,
    incomplete,
  }),
);
process.exit();
