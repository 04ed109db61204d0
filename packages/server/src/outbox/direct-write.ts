import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { getSystemErrorName } from "node:util";

/**
 * What lies beneath a TCP socket or pipe of Node's `net`: the kernel's own write, tried at once. It is internal to
 * Node, so it is taken where it is found as expected, and never relied on.
 */
interface Handle {
  /** 0, or a negative error number. */
  writeBuffer(request: Request, bytes: Uint8Array): number;
  /** What the kernel has not taken, in bytes. */
  readonly writeQueueSize: number;
}

/** The object that stands for one write. A write that the kernel takes whole leaves it untouched. */
interface Request {
  oncomplete?: (this: Request, status: number) => void;
  writer?: DirectWriter | undefined;
  /** Must live until the kernel has taken them. */
  bytes?: Buffer | undefined;
}

/** Who is told when the kernel has taken what it did not take at once; `error` if it never will. */
export interface DirectWriter {
  onTaken(error?: Error): void;
}

/** The class that `net` makes requests of: "unknown" before its first write, undefined where it is not as expected. */
let RequestClass: (new () => Request) | "unknown" | undefined = "unknown";
/** One serves all writes that end at once, which is nearly every write. */
let spare: Request | undefined;

/** Whether {@link writeDirectly} may be used: not for TLS, nor for streams that are not from `net`. */
export function hasHandle(socket: Duplex): boolean {
  return socket instanceof Socket && !("encrypted" in socket) && isHandle(handleOf(socket));
}

/**
 * Writes past the stream, which costs as much as the kernel's part: a third of a broadcast. MUST only be called for a
 * socket that {@link hasHandle}, is writable and has nothing waiting in its stream. As with the stream, the bytes that
 * the kernel does not take leave later, before whatever is written meanwhile; `writer` is then told.
 *
 * @returns how many bytes wait; -1 if nothing was written, and the stream has to be used
 */
export function writeDirectly(socket: Duplex, bytes: Buffer, writer: DirectWriter): number {
  if (RequestClass === undefined || RequestClass === "unknown") return -1;
  const handle = handleOf(socket) as Handle;
  spare ??= new RequestClass();
  // after an error the stream will meet the same one, and do what is to be done about it
  if (handle.writeBuffer(spare, bytes) !== 0) return -1;
  const waiting = handle.writeQueueSize;
  if (waiting > 0) {
    spare.writer = writer;
    spare.bytes = bytes;
    spare.oncomplete = onComplete;
    spare = undefined;
  }
  return waiting;
}

/**
 * Writes to the stream of a socket that {@link hasHandle} and has nothing waiting. The first time, it sees how `net`
 * does that.
 */
export function writeToStream(socket: Duplex, bytes: Buffer): void {
  if (RequestClass === "unknown" && socket.writableCorked === 0) {
    RequestClass = undefined;
    learn(handleOf(socket) as Handle, () => socket.write(bytes));
  } else socket.write(bytes);
}

function onComplete(this: Request, status: number): void {
  const { writer } = this;
  this.writer = this.bytes = undefined;
  writer!.onTaken(status < 0 ? writeError(status) : undefined);
}

function writeError(status: number): Error {
  const code = getSystemErrorName(status);
  return Object.assign(new Error(`write ${code}`), { errno: status, code, syscall: "write" });
}

/** Sees how `net` writes, while it does. */
function learn(handle: Handle, write: () => void): void {
  const { writeBuffer } = handle;
  handle.writeBuffer = (request, bytes) => {
    RequestClass = request.constructor as new () => Request;
    return writeBuffer.call(handle, request, bytes);
  };
  try {
    write();
  } finally {
    Reflect.deleteProperty(handle, "writeBuffer");
  }
}

function handleOf(socket: Duplex): unknown {
  return (socket as { _handle?: unknown })._handle;
}

function isHandle(handle: unknown): handle is Handle {
  const { writeBuffer, writeQueueSize } = (handle ?? {}) as Partial<Handle>;
  return typeof writeBuffer === "function" && typeof writeQueueSize === "number";
}
