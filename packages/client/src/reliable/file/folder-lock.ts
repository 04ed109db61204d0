import { createHash, randomBytes } from "node:crypto";
import { closeSync, constants, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { createConnection, createServer, type Server } from "node:net";
import { join, resolve } from "node:path";
import { ReliableError } from "../error.ts";

/** Bytes of a path that fit into a socket's address, on every system. */
const PATH_BYTES_MAX = 100;
/** A process that accepts but does not answer is busy, and alive. */
const ANSWER_MS = 2000;

/**
 * Holds a folder through a unix socket in it, as the server's store does: a process that ended, however it ended,
 * refuses connections. Each contender binds a name that nobody else ever has, then asks all others: it gives way to a
 * holder and to a candidate with a smaller name, waits for one with a larger name, and removes the dead.
 */
export class FolderLock {
  private readonly _server: Server;
  private readonly _cleanUp: () => void;

  private constructor(server: Server, cleanUp: () => void) {
    this._server = server;
    this._cleanUp = cleanUp;
  }

  /** Rejects with `OUTBOX_LOCKED` while another holds it. */
  static async acquire(folder: string): Promise<FolderLock> {
    if (process.platform === "win32")
      return acquirePipe(folder, (server) => new FolderLock(server, () => {}));
    const descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
    const path = (name: string) => join(shortPath(folder, descriptor), name);
    const id = randomBytes(8).toString("hex");
    const [early, name] = [`new-${id}`, `lock.${id}`];
    let state = "candidate";
    let server: Server | undefined;
    const cleanUp = () => {
      for (const left of [early, name]) rmSync(path(left), { force: true });
      closeSync(descriptor);
    };
    try {
      // under another name until it listens: until then it would look dead
      server = await listen(path(early), () => state);
      renameSync(path(early), path(name));
      for (const other of readdirSync(folder)) {
        if (other.startsWith("lock.") && other !== name) await outlast(path(other), other < name);
      }
      state = "held";
      return new FolderLock(server, cleanUp);
    } catch (error) {
      cleanUp();
      server?.close();
      throw error;
    }
  }

  async release(): Promise<void> {
    this._cleanUp();
    await new Promise<void>((done) => this._server.close(() => done()));
  }
}

/** Returns once that contender is gone; throws if this one has to give way. */
async function outlast(path: string, isBefore: boolean): Promise<void> {
  for (;;) {
    const answer = await ask(path);
    if (answer === "dead") return rmSync(path, { force: true });
    if (answer !== "candidate" || isBefore) throw locked();
    // it either holds the folder soon or gives way
    await new Promise((done) => setTimeout(done, 5));
  }
}

/** What the process behind a socket says of itself: "held", "candidate", or "dead" if there is none. */
function ask(path: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = createConnection(path);
    const finish = (result: string) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(ANSWER_MS, () => finish("held"));
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => {
      answer += text;
    });
    // closed without an answer: it is closing down, and dead when it is asked again
    socket.on("end", () => finish(answer || "candidate"));
    socket.on("error", ({ code }: NodeJS.ErrnoException) =>
      finish(code === "ECONNREFUSED" || code === "ENOENT" ? "dead" : "held"),
    );
  });
}

async function acquirePipe(folder: string, hold: (server: Server) => FolderLock): Promise<FolderLock> {
  const name = createHash("sha256").update(resolve(folder).toLowerCase()).digest("hex");
  try {
    return hold(await listen(`\\\\.\\pipe\\holdfast-outbox-${name}`, () => "held"));
  } catch (cause) {
    throw locked(cause);
  }
}

function listen(path: string, state: () => string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.end(state());
    });
    server.unref();
    server.on("error", reject);
    server.listen(path, () => resolve(server));
  });
}

/** The folder, short enough for the kernel whatever its path. */
function shortPath(folder: string, descriptor: number): string {
  const path = resolve(folder);
  const isLong = Buffer.byteLength(path) + 24 > PATH_BYTES_MAX;
  return isLong && process.platform === "linux" ? `/proc/self/fd/${descriptor}` : path;
}

function locked(cause?: unknown): ReliableError {
  return new ReliableError("OUTBOX_LOCKED", "Another process, or socket, has this outbox open", { cause });
}
