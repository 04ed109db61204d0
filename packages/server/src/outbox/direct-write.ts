import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { getSystemErrorName } from "node:util";

/**
 * What lies beneath a TCP socket or pipe of Node's `net`: the kernel's own write, tried at once. It is internal to
 * Node, so it is taken where it is found as expected, and never relied on.
 */
export interface Handle {
  /** 0, or a negative error number. */
  writeBuffer(request: Request, bytes: Uint8Array): number;
  /** What the kernel has not taken, in bytes. */
  readonly writeQueueSize: number;
}

/** The object that stands for one write. A write that the kernel takes whole at once leaves it untouched. */
interface Request {
  /** -1 as long as it is untouched. */
  getAsyncId(): number;
  oncomplete?: (this: Request, status: number) => void;
  writer?: DirectWriter | undefined;
  /** Must live until the kernel has taken them. */
  bytes?: Buffer | undefined;
}

/** Who is told when the kernel has taken what it did not take at once; `error` if it never will. */
export interface DirectWriter {
  onTaken(error?: Error): void;
}

const EMPTY = Buffer.alloc(0);

/** The class that `net` makes requests of: "unknown" until one was seen, undefined where it is not as expected. */
let RequestClass: (new () => Request) | "unknown" | undefined = "unknown";
const UNTOUCHED = -1;
/** One serves all writes that end at once, which is nearly every write. */
let spare: Request | undefined;

/**
 * What {@link writeDirectly} takes; undefined with TLS, and for streams that are not from `net`. MUST be called when
 * the stream is writable, not corked, and has nothing waiting. The first time, it makes an empty write, to see how
 * `net` does that.
 */
export function handleOf(socket: Duplex): Handle | undefined {
  if (!(socket instanceof Socket) || "encrypted" in socket) return undefined;
  const handle = (socket as { _handle?: unknown })._handle;
  if (!isHandle(handle)) return undefined;
  if (RequestClass === "unknown") {
    RequestClass = undefined;
    learn(handle, () => socket.write(EMPTY));
  }
  return RequestClass && handle;
}

/**
 * Writes past the stream, which would cost half as much again as the kernel's part. As with the stream, the bytes that
 * the kernel does not take leave later, before whatever is written meanwhile; `writer` is then told.
 *
 * @returns how many bytes wait; -1 if nothing was written: the socket has ended or is broken, and its stream knows
 */
export function writeDirectly(handle: Handle, bytes: Buffer, writer: DirectWriter): number {
  spare ??= new (RequestClass as new () => Request)();
  if (handle.writeBuffer(spare, bytes) !== 0) return -1;
  // untouched: the kernel has taken all of it
  if (spare.getAsyncId() === UNTOUCHED) return 0;
  const request = spare;
  spare = undefined;
  // the kernel may take the rest between two tries: then nothing waits, and all the same the object is in use. To
  // write with it again would abort the process
  const waiting = handle.writeQueueSize;
  if (waiting > 0) {
    request.writer = writer;
    request.bytes = bytes;
    request.oncomplete = onComplete;
  }
  return waiting;
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

/** Sees what `net` makes requests of, while it writes. */
function learn(handle: Handle, write: () => void): void {
  const { writeBuffer } = handle;
  handle.writeBuffer = (request, bytes) => {
    if (typeof request.getAsyncId === "function") RequestClass = request.constructor as new () => Request;
    return writeBuffer.call(handle, request, bytes);
  };
  try {
    write();
  } finally {
    Reflect.deleteProperty(handle, "writeBuffer");
  }
}

function isHandle(handle: unknown): handle is Handle {
  const { writeBuffer, writeQueueSize } = (handle ?? {}) as Partial<Handle>;
  return typeof writeBuffer === "function" && typeof writeQueueSize === "number";
}
