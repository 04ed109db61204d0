import { createHash, randomBytes } from "node:crypto";
import { closeSync, constants, linkSync, openSync, renameSync, unlinkSync } from "node:fs";
import { createConnection, createServer, type Server } from "node:net";
import { join, resolve } from "node:path";
import { StoreError } from "@holdfast/core";

const LOCK_NAME = "lock.sock";
/** Room for a socket's path in the kernel's address. */
const PATH_BYTES_MAX = 100;

/**
 * Holds a folder for this process through a unix socket in it. A process that ended, however it ended, refuses
 * connections to its socket, also from another container that shares the folder; a process id would say nothing
 * there.
 */
export class FolderLock {
  readonly #server: Server;
  readonly #release: () => void;

  private constructor(server: Server, release: () => void) {
    this.#server = server;
    this.#release = release;
  }

  /** Rejects with `STORE_LOCKED` while a living process holds it; takes over from a dead one. */
  static async acquire(folder: string): Promise<FolderLock> {
    if (process.platform === "win32") return FolderLock.#acquirePipe(folder);
    const paths = new SocketPaths(folder);
    const lock = paths.of(LOCK_NAME);
    const own = paths.of(`lock.${randomBytes(6).toString("hex")}`);
    const server = await listen(own);
    try {
      await claim(own, lock, paths);
    } catch (error) {
      server.close();
      paths.close();
      throw error;
    } finally {
      // The claimed name is another link to the same socket.
      removeIfThere(own);
    }
    return new FolderLock(server, () => {
      removeIfThere(lock);
      paths.close();
    });
  }

  static async #acquirePipe(folder: string): Promise<FolderLock> {
    const name = createHash("sha256").update(resolve(folder).toLowerCase()).digest("hex");
    try {
      return new FolderLock(await listen(`\\\\.\\pipe\\holdfast-${name}`), () => {});
    } catch (error) {
      throw locked(folder, error);
    }
  }

  async release(): Promise<void> {
    this.#release();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }
}

// Linking is atomic and fails where the name is taken: of several processes one gets it.
async function claim(own: string, lock: string, paths: SocketPaths): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      linkSync(own, lock);
      return;
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw StoreError.from(error);
    }
    if (await isAlive(lock)) throw locked(lock);
    // Out of the way under another name first: only one process can move it, and it looks at what it has moved.
    const moved = paths.of(`lock.${randomBytes(6).toString("hex")}`);
    try {
      renameSync(lock, moved);
    } catch (error) {
      if (codeOf(error) === "ENOENT") continue;
      throw StoreError.from(error);
    }
    if (await isAlive(moved)) {
      // Somebody had just claimed it.
      renameSync(moved, lock);
      throw locked(lock);
    }
    removeIfThere(moved);
  }
  throw locked(lock);
}

function locked(path: string, cause?: unknown): StoreError {
  return new StoreError("STORE_LOCKED", `Another process has this store open (${path})`, cause);
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.destroy();
    });
    server.unref();
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      server.on("error", () => {});
      resolve(server);
    });
  });
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    // Refused: nobody listens any more. Gone: it was released meanwhile. Anything else may be a busy process.
    socket.once("error", (error) => resolve(!["ECONNREFUSED", "ENOENT"].includes(codeOf(error) ?? "")));
  });
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw StoreError.from(error);
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** Paths of sockets in a folder, short enough for the kernel whatever the folder's own path. */
class SocketPaths {
  readonly #folder: string;
  readonly #descriptor: number | undefined;

  constructor(folder: string) {
    const path = resolve(folder);
    if (Buffer.byteLength(path) + 24 > PATH_BYTES_MAX && process.platform === "linux") {
      this.#descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
      this.#folder = `/proc/self/fd/${this.#descriptor}`;
    } else this.#folder = path;
  }

  of(name: string): string {
    return join(this.#folder, name);
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
  }
}
