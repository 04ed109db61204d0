import type { Receiver } from "../adapter/index.ts";
import type { Handshake } from "../handshake.ts";

/** A socket, as far as every extension is concerned. Those that need more of it name a type of their own. */
export interface Party extends Receiver {
  readonly nsp: { readonly name: string };
  readonly conn: { readonly readyState: string; onClose(reason: string, description?: unknown): void };
  readonly handshake: Handshake;
  /** The application's, also what middleware made of it. */
  readonly data: unknown;
  /** Whether its session was resumed (PROTOCOL §2.4). */
  readonly recovered: boolean;
}

/** Answers a control message that carried an acknowledgement id; only its first call counts. */
export type ControlAck = (...args: unknown[]) => void;

/**
 * Takes a control message of a client (PROTOCOL §1.4). `args` come from the wire, unchecked. MUST throw `invalid()` for
 * what is malformed: the connection is then closed with "parse error". Other throws are bugs, and surface as such.
 */
export type Control<S extends Party = Party> = (
  socket: S,
  args: readonly unknown[],
  ack: ControlAck | undefined,
) => void;

/** By the full name of the event, which starts with "holdfast:". */
export type Controls<S extends Party = Party> = ReadonlyMap<string, Control<S>>;

/**
 * Something that a client asks for, in CONNECT or later, and that both ends then speak on that socket (PROTOCOL §1).
 *
 * To add one: write an object of this shape, and give it to `server._negotiation.register` as the server is made (there
 * is a negotiation if there is a store). A feature that is spoken without being asked for adds its control messages to
 * `server._controls` instead (`server._reserveControls`), and they are taken from every socket of the server from then on.
 */
export interface Extension<S extends Party = Party> {
  /** The member of `holdfast` in both CONNECTs. */
  readonly name: string;
  /** Whether it can be asked for on a socket that is connected. Default false. */
  readonly isLate?: boolean;
  /** Taken from the sockets that were granted this extension, before middleware and any listener sees them. */
  readonly controls: Controls<S>;
  /**
   * Answers what a client asked. Called after middleware, in the connection's own time: the answer to CONNECT, and
   * everything behind it, waits. Of a socket with a recovered session, `socket.recovered` is true. If it is asked for
   * later, `socket.connected` is true, and nothing waits but the answer.
   *
   * A HoldfastError that is thrown becomes the answer `{ error: { code, message } }`: the extension is not granted. MUST
   * throw `invalid()` for what is malformed; `asked` comes from the wire, unchecked. Anything else that is thrown is
   * reported through `onError`, and the client is told its code, if it has one. The connection may close meanwhile:
   * what is set up here MUST need no undoing, or do it in `onClose`, which is called in that case too.
   */
  negotiate(socket: S, asked: unknown): Promise<unknown> | unknown;
  /** The answer has been issued. The application has not heard of the socket yet if that was to CONNECT. Only if granted. */
  onConnect?(socket: S): void;
  /** The connection closes once what was issued has left, and the client is not heard any more. Only if granted. */
  onClosing?(socket: S): void;
  /** The socket is no more. Only if granted. */
  onClose?(socket: S): void;
}
