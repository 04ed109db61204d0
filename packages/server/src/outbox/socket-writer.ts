import type { Duplex } from "node:stream";
import { type Handle, handleOf, writeDirectly } from "./direct-write.ts";
import type { Sink } from "./sink.ts";

/** No more than this goes to the stream at a time, so that a heartbeat can pass what a slow reader has yet to take. */
const STREAM_BYTES_MAX = 256 * 1024;
/** Several buffers up to this size in all are copied into one, which is cheaper than a gathering write. */
const JOIN_BYTES_MAX = 8 * 1024;
/** The longest header of a frame that is written by reference, as a buffer of its own before its payload. */
const HEADER_BYTES_MAX = 10;
/** How many times its own size a buffer that waits may keep in memory. */
const SHARE_MAX = 4;
const EMPTY = Buffer.alloc(0);

/**
 * Writes whole frames to a raw socket, and keeps what the kernel has not taken. Once the kernel takes no more, only
 * the drain of what it was given lets it go on.
 */
export class SocketWriter implements Sink {
  readonly takesBytes = true;
  readonly #socket: Duplex;
  readonly #owner: { onDrain(): void };
  #queue: Buffer[] | undefined;
  #queuedBytes = 0;
  #isBlocked = false;
  #isFinished = false;
  /** Where it can be written without the stream: nothing that the stream looks at is then read, of any socket. */
  #handle: Handle | undefined;
  #hasSoughtHandle = false;
  /** What the kernel did not take of a direct write. */
  #directBytes = 0;

  /**
   * @param socket may be corked until its first bytes have left, and not by others later
   * @param owner `onDrain` is called whenever the kernel has taken everything after it had not
   */
  constructor(socket: Duplex, owner: { onDrain(): void }) {
    this.#socket = socket;
    this.#owner = owner;
  }

  get isIdle(): boolean {
    return !this.#isBlocked;
  }

  get pendingBytes(): number {
    return this.#isBlocked ? this.#queuedBytes + this.#directBytes + this.#socket.writableLength : 0;
  }

  writeBytes(buffers: Buffer[]): void {
    if (this.#isFinished) return;
    if (!this.#isBlocked && buffers.length === 1 && buffers[0]!.length <= STREAM_BYTES_MAX) {
      this.#write(buffers[0]!);
      return;
    }
    for (let i = 0; i < buffers.length; i++) {
      this.#queuedBytes += buffers[i]!.length;
      if (this.#isBlocked) buffers[i] = withoutNeighbours(buffers[i]!);
    }
    if (this.#queue) for (const buffer of buffers) this.#queue.push(buffer);
    else this.#queue = buffers;
    if (!this.#isBlocked) this.#pump();
  }

  writePackets(): never {
    throw new Error("a socket takes bytes");
  }

  /** Passes whatever waits here; what is already in the stream stays before it. */
  writeUrgent(frame: Buffer): void {
    if (this.#isFinished || !this.#socket.writable) return;
    if (this.#isBlocked) this.#socket.write(frame);
    else this.#write(frame);
  }

  /** Gives everything to the stream, whatever its size, and takes no more: a close frame follows. */
  finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    const queue = this.#queue;
    this.discard();
    if (!queue || !this.#socket.writable) return;
    this.#socket.cork();
    for (const buffer of queue) this.#socket.write(buffer);
    this.#socket.uncork();
  }

  /** Takes no more: the socket has closed. */
  close(): void {
    this.#isFinished = true;
    this.#handle = undefined;
    this.discard();
  }

  /** Drops what waits here. */
  discard(): void {
    this.#queue = undefined;
    this.#queuedBytes = 0;
  }

  #pump(): void {
    const socket = this.#socket;
    if (!socket.writable) {
      this.discard();
      return;
    }
    while (this.#queue && !this.#isBlocked && socket.writableLength === 0) {
      const queue = this.#queue;
      let bytes = 0;
      let count = 0;
      while (count < queue.length) {
        // a header stays with its payload: a heartbeat or a pong of `ws` may follow this batch
        const isBound = count === 0 || queue[count - 1]!.length <= HEADER_BYTES_MAX;
        if (!isBound && bytes + queue[count]!.length > STREAM_BYTES_MAX) break;
        bytes += queue[count++]!.length;
      }
      const batch = count === queue.length ? queue : queue.splice(0, count);
      if (batch === queue) this.#queue = undefined;
      this.#queuedBytes -= bytes;
      if (count === 1) this.#write(batch[0]!);
      else if (bytes <= JOIN_BYTES_MAX) this.#write(Buffer.concat(batch, bytes));
      else {
        socket.cork();
        for (const buffer of batch) socket.write(buffer);
        socket.uncork();
      }
    }
    if (!this.#isBlocked && socket.writableLength > 0) this.#block();
  }

  /** While not blocked: to the kernel if it takes it, else to the stream. */
  #write(bytes: Buffer): void {
    if (!this.#hasSoughtHandle) this.#seekHandle();
    const handle = this.#handle;
    const waiting = handle ? writeDirectly(handle, bytes, this) : -1;
    if (waiting > 0) {
      this.#isBlocked = true;
      this.#directBytes = waiting;
    } else if (waiting < 0) this.#writeToStream(bytes);
  }

  #writeToStream(bytes: Buffer): void {
    const socket = this.#socket;
    this.#handle = undefined;
    if (!socket.writable) return;
    socket.write(bytes);
    // a corked socket keeps it for a moment, which is no sign of a slow reader
    if (socket.writableCorked > 0) return;
    if (socket.writableLength > 0) this.#block();
  }

  #seekHandle(): void {
    const socket = this.#socket;
    if (!socket.writable || socket.writableCorked > 0 || socket.writableLength > 0) return;
    this.#hasSoughtHandle = true;
    this.#handle = handleOf(socket);
  }

  #block(): void {
    this.#isBlocked = true;
    // an empty write is called back once all before it is with the kernel; "drain" would not tell below the stream's
    // own mark
    this.#socket.write(EMPTY, (error) => this.#unblock(error));
  }

  /** Called when the kernel has taken the rest of a direct write. */
  onTaken(error?: Error): void {
    this.#directBytes = 0;
    if (error) this.#socket.destroy(error);
    this.#unblock(error);
  }

  #unblock(error?: Error | null): void {
    this.#isBlocked = false;
    if (error) {
      this.discard();
      return;
    }
    this.#pump();
    if (!this.#isBlocked) this.#owner.onDrain();
  }
}

/** A slow reader's small part of what others were sent must not keep all of that in memory. */
function withoutNeighbours(buffer: Buffer): Buffer {
  if (buffer.buffer.byteLength <= buffer.length * SHARE_MAX) return buffer;
  const copy = Buffer.allocUnsafeSlow(buffer.length);
  buffer.copy(copy);
  return copy;
}
