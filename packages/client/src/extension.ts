import { PacketType } from "@holdfast/protocol";
import type { Loose } from "./events.ts";
import type { After } from "./timers.ts";

/**
 * What a socket shows to its extensions, and to nobody else: these members of `Socket` and `Manager` are the seam. An
 * extension decorates its methods on the one object that it extends, so that the core pays nothing for it.
 */
export interface Extensible {
  readonly io: {
    readonly _readyState: string | undefined;
    readonly engine: {
      _handshake?: { holdfast?: number };
      transport: { opts: { host: string; path: string } };
    };
    readonly _after: After;
  };
  readonly nsp: string;
  readonly connected: boolean;
  readonly recovery: Loose;
  readonly _opts: Loose;
  on(event: Loose, listener: Loose): Loose;
  onAny(listener: Loose): Loose;
  prependAny(listener: Loose): Loose;
  readonly _any: unknown[];
  readonly _callbacks: Record<string, unknown[] | undefined>;
  _isListening: boolean | undefined;
  _pid: string | undefined;
  _lastOffset: string | undefined;
  receiveBuffer: Loose[][];
  /** Sends CONNECT. */
  _hello(): void;
  /** Sends a packet of this namespace, now or never. */
  _packet(packet: Loose): void;
  /** Takes a packet of this namespace. */
  _onPacket(packet: Loose): void;
  /** Hands an event to its listeners: name, arguments, and the function that answers it, where it has one. */
  _onEvent(args: Loose[]): void;
  /** The connection is lost, or the socket has left. */
  _onClose(reason: Loose, details?: Loose): void;
}

/** What is added to one socket. Nothing of it MUST throw; what fails is for the extension to report. */
export interface Extension {
  /** Its member of `holdfast` in CONNECT and in the answer (PROTOCOL §1). */
  readonly _name: string;
  /**
   * What to ask for, or undefined for nothing. Called before each CONNECT to a server of ours, and to no other. CONNECT
   * waits for it; if the connection goes meanwhile, it is asked again for the next.
   */
  _ask(): unknown;
  /**
   * What the server granted, before any event of this connection is handed out, those included that came before its
   * answer: `{ error: { code, message } }` if it refused, undefined if it is another server or does not speak of it.
   * And whether this connection continues the session before.
   */
  _answered(answer: Loose, isRecovered: boolean): void;
  /** The socket is no longer connected, or its attempt to connect is over. May come more than once. */
  _closed(): void;
}

/**
 * Adds an extension to a socket, once. If it comes after CONNECT was sent, it is asked at the next connection.
 * Extensions are asked in the reverse order of their coming.
 */
export function extend(socket: Extensible, { _name, _ask, _answered, _closed }: Extension): void {
  const { _hello, _packet, _onPacket, _onClose } = socket;
  let asked: unknown;
  let turn = 0;
  socket._hello = async () => {
    const mine = ++turn;
    // the version of PROTOCOL chapter 1 that we know
    const wanted = await (socket.io.engine._handshake?.holdfast === 1 && _ask());
    // what an old connection asked for is nothing to this one
    if (mine === turn && socket._isListening && socket.io._readyState === "open") {
      asked = wanted;
      _hello.call(socket);
    }
  };
  socket._packet = (packet) => {
    const { type, data } = packet;
    if (type === PacketType.CONNECT && asked) {
      packet.data = { ...data, holdfast: { ...data?.holdfast, [_name]: asked } };
    }
    _packet.call(socket, packet);
  };
  socket._onPacket = (packet) => {
    const { type, data } = packet;
    if (type === PacketType.CONNECT && data?.sid) {
      _answered(data.holdfast?.[_name], data.pid && data.pid === socket._pid);
    }
    _onPacket.call(socket, packet);
  };
  socket._onClose = (reason, details) => {
    _closed();
    _onClose.call(socket, reason, details);
  };
}
