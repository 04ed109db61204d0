import type { IncomingMessage } from "node:http";
import { type Packet, PacketType } from "@holdfast/protocol";
import type { PacketSink } from "./adapter/index.ts";
import type { Codec, PacketDecoder } from "./codec.ts";
import type { Socket as Connection, Consumer } from "./engine/index.ts";
import { OutgoingPacket, type Part, type Shed, type ShedPort } from "./outbox/index.ts";
import type { PreEncoded } from "./pre-encoded.ts";
import { type Step, Turn, type TurnOwner } from "./turn.ts";

/** What a client needs of the server. */
export interface ClientHost {
  readonly codec: Codec;
  readonly preEncoded: PreEncoded;
  readonly _connectTimeout: number;
  /** Takes out of a CONNECT what is not the application's; throws if that is malformed. */
  readonly _negotiation: { take(client: Client, auth: Auth): Asked | undefined } | undefined;
  readonly namespacesPerConnectionMax: number;
  /** Volatile packets were dropped. */
  _onVolatileDropped(count: number): void;
  /**
   * See `OutboxOwner.shed`.
   *
   * @param socket of the client in that namespace
   */
  _shed(
    namespace: string,
    socket: ClientSocket | undefined,
    port: ShedPort,
    packet: OutgoingPacket,
    mayStart: boolean,
  ): Shed | undefined;
  /** Finds or makes the namespace and adds a socket to it; false if there is none for this name. */
  admit(name: string, auth: Auth, done: (nsp: ClientNamespace | false) => void): void;
}

export interface ClientNamespace {
  readonly name: string;
  /** @param asked what the client wants of our extensions */
  _add(
    client: Client,
    auth: Auth,
    onConnect: (socket: ClientSocket) => void,
    asked: Asked | undefined,
  ): Promise<void>;
}

/** What a client needs of its sockets. */
export interface ClientSocket {
  readonly id: string;
  readonly nsp: { readonly name: string };
  disconnect(close?: boolean): unknown;
  _onpacket(packet: Packet): void;
  _onclose(reason: string, description?: unknown): unknown;
  /** Its client is not heard any more. */
  _onClosing(): void;
  _onerror(error: Error): void;
}

export type Auth = Record<string, unknown>;
/** The member `holdfast` of a CONNECT. */
export type Asked = Record<string, unknown>;

export interface WriteOptions {
  compress?: boolean;
  volatile?: boolean;
  preEncoded?: boolean;
}

/**
 * The packets of one connection: sorts what comes in by namespace, and writes what its sockets send. Public as
 * `socket.client`, the name that Socket.IO gave it.
 */
export class Client implements Consumer, TurnOwner {
  readonly conn: Connection;
  readonly server: ClientHost;
  /** Most clients have one socket, and then this is all there is. */
  #socket: ClientSocket | undefined;
  /** All of them by namespace, and then `#socket` is unused, once there has been a second one. */
  #sockets: Map<string, ClientSocket> | undefined;
  /** Connects under way. */
  #pending = 0;
  /** Of namespaces whose packets take another shape on their way. */
  #sinks: Map<string, PacketSink> | undefined;
  #decoder: PacketDecoder | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** What came in and has not reached its sockets. */
  _turn: Turn | undefined;
  #isClosed = false;

  constructor(server: ClientHost, conn: Connection) {
    this.server = server;
    this.conn = conn;
    conn.consumer = this;
    if (server.codec.isForeign) this.#decoder = server.codec.decoder((packet) => this.ondecoded(packet));
    this.#timer = setTimeout(closeIdle, server._connectTimeout, this);
  }

  get id(): string {
    return this.conn.id;
  }

  get request(): IncomingMessage {
    return this.conn.request;
  }

  get encoder(): Codec["encoder"] {
    return this.server.codec.encoder;
  }

  get outbox(): PacketSink {
    return this.conn.outbox;
  }

  /** Its sockets by id. A copy. */
  get sockets(): Map<string, ClientSocket> {
    return new Map(this.#all().map((socket) => [socket.id, socket]));
  }

  /** Its sockets by the name of their namespace. A copy. */
  get nsps(): Map<string, ClientSocket> {
    return new Map(this.#all().map((socket) => [socket.nsp.name, socket]));
  }

  /** Answers a CONNECT. Also called without one: Socket.IO 2 clients are in "/" from the beginning. */
  connect(name: string, auth: Auth = {}): void {
    if (this.#count() + this.#pending >= this.server.namespacesPerConnectionMax) {
      this.#refuse(name, "Too many namespaces");
      return;
    }
    const asked = this.server._negotiation?.take(this, auth);
    this.#pending++;
    this.server.admit(name, auth, (nsp) => {
      if (!nsp) {
        this.#pending--;
        this.#refuse(name, "Invalid namespace");
        return;
      }
      void nsp._add(this, auth, (socket) => this.#add(nsp.name, socket), asked);
    });
  }

  /** Called by a namespace that did not take the socket in. */
  _forget(): void {
    this.#pending--;
  }

  /** Called by a socket that is no more. */
  _remove(socket: ClientSocket): void {
    if (this.#socket === socket) this.#socket = undefined;
    const { name } = socket.nsp;
    if (this.#sockets?.get(name) === socket) this.#sockets.delete(name);
    this.#sinks?.delete(name);
  }

  /** Disconnects all its sockets and closes the connection. */
  _disconnect(): void {
    for (const socket of this.#all()) socket.disconnect();
    this.close();
  }

  /** Closes the connection because of what the server, or this layer, decided. */
  close(): void {
    if (this.conn.readyState !== "open") return;
    this.conn.close();
    this.onclose("forced server close");
  }

  /** What is sent in this namespace goes through `sink`, until its socket is gone. */
  _speak(namespace: string, sink: PacketSink): void {
    this.#sinks ??= new Map();
    this.#sinks.set(namespace, sink);
  }

  /** Encodes and sends a packet to this client alone. */
  _packet(packet: Packet, { volatile, compress, preEncoded }: WriteOptions = {}): void {
    if (this.conn.readyState !== "open") return;
    if (volatile && !this.outbox.writable) {
      this.server._onVolatileDropped(1);
      return;
    }
    const parts = preEncoded ? (packet as unknown as Part[]) : this.encoder.encode(packet);
    this.#sinkOf(packet.nsp, parts).push(new OutgoingPacket(parts, { compress: compress !== false }));
  }

  /** Sends what an adapter encoded; the same array to one client after the other. */
  writeToEngine(encodedPackets: readonly Part[] | Part, { volatile, compress }: WriteOptions): void {
    if (this.conn.readyState !== "open") return;
    if (volatile && !this.outbox.writable) {
      this.server._onVolatileDropped(1);
      return;
    }
    const parts = Array.isArray(encodedPackets) ? (encodedPackets as Part[]) : [encodedPackets as Part];
    this.#sinkOf(undefined, parts).share(this.server.preEncoded.packet(parts, compress !== false));
  }

  /** JSON is copied out of it; what another parser does is not known. */
  get keepsText(): boolean {
    return this.server.codec.isForeign;
  }

  onMessage(data: string | Buffer): void {
    this.ondata(data);
  }

  onClose(reason: string, description?: unknown): void {
    this.onclose(reason, description);
  }

  onClosing(): void {
    for (const socket of this.#all()) socket._onClosing();
  }

  shed(packet: OutgoingPacket, mayStart: boolean): Shed | undefined {
    const namespace = packet.stored?.namespace ?? packet.follows!;
    return this.server._shed(namespace, this.#find(namespace), this.conn.outbox, packet, mayStart);
  }

  /** Decodes what came in. Whatever is wrong with it closes this connection and nothing else. */
  ondata(data: string | Buffer): void {
    if (this.#isClosed) return;
    const { codec } = this.server;
    try {
      if (!this.#decoder) {
        const packet = codec.decode(data);
        if (packet) {
          this.ondecoded(packet);
          return;
        }
        this.#decoder = codec.decoder((packet) => {
          this.#decoder = undefined;
          this.ondecoded(packet);
        });
      }
      this.#decoder.add(data);
    } catch (error) {
      this.onerror(error as Error);
    }
  }

  ondecoded(packet: Packet): void {
    const { name, auth } = this.#address(packet);
    const socket = this.#find(name);
    const { type } = packet;
    if (type === PacketType.CONNECT ? socket : !socket || type === PacketType.CONNECT_ERROR) {
      // a second CONNECT, anything before the first, or what only servers say
      this.close();
    } else if (socket) this.#receive(socket, packet);
    else this.connect(name, auth ?? undefined);
  }

  /**
   * Calls `step` once all that came in with what is being received has reached its sockets.
   *
   * @param isOwn false if functions of the application have run, whose ticks come first
   */
  _dispatch<Subject, Value>(
    step: Step<Subject, Value>,
    subject: Subject,
    value: Value,
    isOwn: boolean,
  ): void {
    const turn = this._turn;
    if (!turn) process.nextTick(step, subject, value);
    else {
      if (!isOwn) turn.split();
      turn.dispatch(step, subject, value);
    }
  }

  giveWay(): void {
    // a connection of another library may have nothing to say about its reading
    this.conn.transport.rest?.();
  }

  onerror(error: Error): void {
    for (const socket of this.#all()) socket._onerror(error);
    this.conn.close();
  }

  onclose(reason: string, description?: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.conn.consumer = undefined;
    this.#stopTimer();
    for (const socket of this.#all()) socket._onclose(reason, description);
    this.#socket = undefined;
    this.#sockets = undefined;
    this.#decoder?.destroy();
    this.#decoder = undefined;
  }

  /** Called when `connectTimeout` has passed without a socket. */
  onConnectTimeout(): void {
    if (this.#count() === 0) this.close();
  }

  #add(name: string, socket: ClientSocket): void {
    this.#pending--;
    this.#stopTimer();
    const twin = this.#find(name);
    if (this.#sockets) this.#sockets.set(name, socket);
    else if (!this.#socket || twin) this.#socket = socket;
    else {
      this.#sockets = new Map([
        [this.#socket.nsp.name, this.#socket],
        [name, socket],
      ]);
      this.#socket = undefined;
    }
    if (!twin) return;
    // a second CONNECT that overtook the answer to the first
    twin._onclose("forced server close");
    this.close();
  }

  #receive(socket: ClientSocket, packet: Packet): void {
    this._turn ??= new Turn(this);
    if (packet.type !== PacketType.EVENT) this._turn.split();
    this._turn.receive(receive, socket, packet);
  }

  #find(name: string): ClientSocket | undefined {
    if (this.#sockets) return this.#sockets.get(name);
    return this.#socket?.nsp.name === name ? this.#socket : undefined;
  }

  #all(): ClientSocket[] {
    if (this.#sockets) return [...this.#sockets.values()];
    return this.#socket ? [this.#socket] : [];
  }

  /** @param nsp undefined if only the encoded packet says it */
  #sinkOf(nsp: string | undefined, parts: readonly Part[]): PacketSink {
    if (this.#sinks === undefined) return this.outbox;
    return this.#sinks.get(nsp ?? this.server.codec.decodeParts(parts).nsp) ?? this.outbox;
  }

  #count(): number {
    return this.#sockets ? this.#sockets.size : this.#socket ? 1 : 0;
  }

  #refuse(nsp: string, message: string): void {
    this._packet({ type: PacketType.CONNECT_ERROR, nsp, data: { message } });
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Socket.IO 2 clients put their auth payload into the namespace's query. */
  #address({ nsp, data }: Packet): { name: string; auth: Auth | undefined } {
    if (this.conn.protocol !== 3) return { name: nsp, auth: data as Auth | undefined };
    const { pathname, searchParams } = new URL(nsp, "https://socket.io");
    return { name: pathname, auth: Object.assign(Object.create(null), Object.fromEntries(searchParams)) };
  }
}

function closeIdle(client: Client): void {
  client.onConnectTimeout();
}

function receive(socket: ClientSocket, packet: Packet): void {
  socket._onpacket(packet);
}
