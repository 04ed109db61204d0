import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type Socket as IoSocket, Server } from "holdfast";
import { upgradeRequest } from "../src/tcp-client.ts";
import { encodeWsFrame } from "../src/ws-frames.ts";
import { randomBytes, randomText, validPacket } from "./inputs.ts";
import { Random } from "./random.ts";

export interface SocketTally {
  connections: number;
  /** Connections that got as far as a session. */
  sessions: number;
  /** Events that arrived, the bystander's among them. */
  events: number;
}

const WIDTH = 20;

/**
 * Opens `connections` TCP connections to a live Socket.IO server (both protocol versions), each of which sends random
 * input to one layer: bytes, HTTP, payloads or WebSocket frames. A bystander must go on hearing echoes, nothing may be
 * left open, and no exception may escape (the caller's process would end).
 */
export async function fuzzSockets(connections: number, seed: number): Promise<SocketTally> {
  const httpServer = createServer();
  const io = new Server(httpServer, {
    allowEIO3: true,
    maxHttpBufferSize: 10_000,
    connectTimeout: 300,
    pingInterval: 500,
    pingTimeout: 500,
    upgradeTimeout: 300,
  });
  const tally: SocketTally = { connections: 0, sessions: 0, events: 0 };
  io.engine.on("connection", () => tally.sessions++);
  const onConnection = (socket: IoSocket) => {
    socket.onAny((...args: unknown[]) => {
      tally.events++;
      // an application that sends back whatever it gets
      socket.emit("echo", ...args.filter((arg) => typeof arg !== "function"));
    });
  };
  io.on("connection", onConnection);
  io.of(/.*/).on("connection", onConnection);
  await new Promise<void>((resolve) => httpServer.listen(0, resolve));
  const { port } = httpServer.address() as AddressInfo;
  const bystander = await Bystander.connect(port);
  const random = new Random(seed);
  try {
    while (tally.connections < connections) {
      const batch = Math.min(WIDTH, connections - tally.connections);
      await Promise.all(Array.from({ length: batch }, () => attack(port, new Random(random.next()))));
      tally.connections += batch;
      await bystander.echo(`after ${tally.connections}`);
    }
    bystander.close();
    await allGone(() => io.engine.clientsCount);
    return tally;
  } finally {
    bystander.close();
    await io.close();
  }
}

async function attack(port: number, random: Random): Promise<void> {
  const socket = connect(port, "localhost");
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await new Promise<void>((resolve) => {
    socket.once("connect", resolve);
    socket.once("close", () => resolve());
  });
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk.toString("latin1");
  });
  const way = random.pick([rawBytes, httpNoise, polling, polling, webSocket, webSocket]);
  for await (const piece of way(random, () => received)) {
    if (!socket.writable) break;
    socket.write(piece);
    if (random.chance(3)) await new Promise(setImmediate);
  }
  if (random.chance(3)) socket.resetAndDestroy();
  else {
    if (random.chance(2)) socket.end();
    setTimeout(() => socket.destroy(), 20);
  }
  await closed;
}

/** Waits a little for `pattern`: hostile clients are not patient. */
async function seen(received: () => string, pattern: RegExp): Promise<void> {
  for (let turn = 0; turn < 30 && !pattern.test(received()); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

async function* rawBytes(random: Random): AsyncGenerator<Buffer> {
  for (let left = random.below(5); left >= 0; left--) yield random.bytes(random.below(300));
}

const eio = (random: Random) => random.pick(["4", "4", "4", "3"]);

async function* httpNoise(random: Random): AsyncGenerator<string | Buffer> {
  const query = new URLSearchParams({
    EIO: random.pick(["4", "3", "", "x"]),
    transport: random.pick(["polling", "websocket", "__proto__", ""]),
    sid: random.pick(["", "x", "__proto__"]),
  });
  const method = random.pick(["GET", "POST", "PUT", "OPTIONS", "HEAD", "BREW"]);
  yield `${method} /socket.io/?${query}${random.chance(3) ? encodeURIComponent(Buffer.from(randomText(random)).toString()) : ""} HTTP/1.1\r\n`;
  yield `Host: x\r\n${random.chance(2) ? `Content-Length: ${random.below(100)}\r\n` : ""}`;
  if (random.chance(2)) yield "Connection: Upgrade\r\nUpgrade: websocket\r\n";
  if (random.chance(3)) yield random.bytes(20);
  yield "\r\n";
  yield randomBytes(random);
}

/** A session over polling, with posts of random payloads and a poll now and then. */
async function* polling(random: Random, received: () => string): AsyncGenerator<string | Buffer> {
  const version = eio(random);
  const path = `/socket.io/?EIO=${version}&transport=polling${random.chance(4) ? "&j=0" : ""}`;
  yield `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
  const sidPattern = /sid\\?":\\?"([^"\\]+)/;
  await seen(received, sidPattern);
  const sid = sidPattern.exec(received())?.[1];
  const wrap = (packet: string) => (version === "3" ? `${packet.length}:${packet}` : packet);
  if (!random.chance(4)) {
    const connect = wrap("40");
    yield `POST ${path}&sid=${sid} HTTP/1.1\r\nHost: x\r\nContent-Length: ${connect.length}\r\n\r\n${connect}`;
    await seen(received, /ok/);
  }
  for (let left = random.below(8); left >= 0; left--) {
    if (random.chance(6)) yield `GET ${path}&sid=${sid} HTTP/1.1\r\nHost: x\r\n\r\n`;
    const body = random.chance(2) ? Buffer.from(wrap(`4${validPacket(random)}`)) : randomBytes(random);
    const type = random.chance(3)
      ? random.pick(["application/octet-stream", "application/x-www-form-urlencoded"])
      : "text/plain";
    yield `POST ${path}&sid=${sid} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`;
    yield body;
    if (random.chance(2)) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function* webSocket(random: Random, received: () => string): AsyncGenerator<string | Buffer> {
  const headers = random.chance(4) ? ["Sec-WebSocket-Extensions: permessage-deflate"] : [];
  yield upgradeRequest(`/socket.io/?EIO=${eio(random)}&transport=websocket`, headers);
  if (!random.chance(4)) {
    yield encodeWsFrame({ opcode: 1, payload: Buffer.from("40") });
    // an event before the answer would end the connection
    await seen(received, /40\{/);
  }
  for (let left = random.below(12); left >= 0; left--) {
    if (!random.chance(4)) {
      yield encodeWsFrame({ opcode: 1, payload: Buffer.from(`4${validPacket(random)}`) });
      continue;
    }
    const text = random.chance(2) ? `4${randomText(random)}` : randomText(random);
    const payload = random.chance(5) ? randomBytes(random) : Buffer.from(text);
    const frame = encodeWsFrame({
      opcode: random.chance(6) ? random.below(16) : random.chance(5) ? 2 : 1,
      payload,
      fin: !random.chance(8),
      rsv1: random.chance(20),
      masked: !random.chance(20),
      ...(random.chance(20) && { declaredLength: random.below(70_000) }),
    });
    yield frame;
  }
}

/** A well-behaved client, at the level of frames: it must not notice what happens beside it. */
class Bystander {
  readonly #socket: Socket;
  #received = "";
  #wake = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => {
      this.#received += chunk.toString("latin1");
      // server pings: an unmasked text frame "2"
      if (this.#received.includes("\x81\x012")) {
        this.#received = this.#received.replaceAll("\x81\x012", "");
        this.#write("3");
      }
      this.#wake();
    });
  }

  static async connect(port: number): Promise<Bystander> {
    const socket = connect(port, "localhost");
    await new Promise((resolve) => socket.once("connect", resolve));
    const bystander = new Bystander(socket);
    socket.write(upgradeRequest("/socket.io/?EIO=4&transport=websocket"));
    bystander.#write("40");
    await bystander.#until('40{"sid"');
    return bystander;
  }

  async echo(text: string): Promise<void> {
    this.#write(`42["note","${text}"]`);
    await this.#until(`42["echo","note","${text}"]`);
    this.#received = "";
  }

  close(): void {
    this.#socket.destroy();
  }

  #write(text: string): void {
    this.#socket.write(encodeWsFrame({ opcode: 1, payload: Buffer.from(text) }));
  }

  async #until(text: string): Promise<void> {
    const deadline = Date.now() + 20_000;
    while (!this.#received.includes(text)) {
      if (this.#socket.destroyed) throw new Error("the bystander was disconnected");
      if (Date.now() > deadline)
        throw new Error(`the bystander does not hear ${text}: ${JSON.stringify(this.#received.slice(-300))}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 1000).unref();
      });
    }
  }
}

async function allGone(count: () => number): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (count() > 0) {
    if (Date.now() > deadline) throw new Error(`${count()} connections are left`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
