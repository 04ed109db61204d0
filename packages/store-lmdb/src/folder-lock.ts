import { createHash, randomBytes } from "node:crypto";
import { closeSync, constants, openSync, readdirSync, renameSync, unlinkSync } from "node:fs";
import { createConnection, createServer, type Server } from "node:net";
import { join, resolve } from "node:path";
import { StoreError } from "@holdfast/core";

const PREFIX = "lock.";
const HELD = "held";
/** Bytes of a path that fit into a socket's address, on every system. */
const PATH_BYTES_MAX = 100;
/** A process that accepts but does not answer is busy, and alive. */
const ANSWER_MS = 2000;

/**
 * Holds a folder for this process through a unix socket in it. A process that ended, however it ended, refuses
 * connections to its socket, also from another container that shares the folder; a process id would say nothing
 * there.
 *
 * Each contender binds a socket under a name that nobody else ever has, then looks at all others. Of two contenders
 * at least one sees the other: it gives way to a holder, and to a candidate with a smaller name; one with a larger
 * name it waits for. So at most one holds the folder, and a dead socket can be removed by anybody, since its name
 * never comes to life again.
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
    const id = randomBytes(8).toString("hex");
    const name = `${PREFIX}${id}`;
    let state = "candidate";
    try {
      // Bound under another name, until it listens: until then it would look dead.
      const server = await listen(paths.of(`new-${id}`), () => state);
      const remove = () => {
        removeIfThere(paths.of(`new-${id}`));
        removeIfThere(paths.of(name));
      };
      try {
        renameSync(paths.of(`new-${id}`), paths.of(name));
        await outlast(paths, name);
      } catch (error) {
        remove();
        server.close();
        throw error;
      }
      state = HELD;
      return new FolderLock(server, () => {
        remove();
        paths.close();
      });
    } catch (error) {
      paths.close();
      throw StoreError.from(error);
    }
  }

  static async #acquirePipe(folder: string): Promise<FolderLock> {
    const name = createHash("sha256").update(resolve(folder).toLowerCase()).digest("hex");
    try {
      return new FolderLock(await listen(`\\\\.\\pipe\\holdfast-${name}`, () => HELD), () => {});
    } catch (error) {
      throw locked(folder, error);
    }
  }

  async release(): Promise<void> {
    this.#release();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }
}

/** Returns once no other contender is left; throws `STORE_LOCKED` if this one has to give way. */
async function outlast(paths: SocketPaths, own: string): Promise<void> {
  for (const name of paths.list()) {
    if (!name.startsWith(PREFIX) || name === own) continue;
    const path = paths.of(name);
    for (;;) {
      const answer = await ask(path);
      if (answer === "dead") {
        removeIfThere(path);
        break;
      }
      if (answer !== "candidate" || name < own) throw locked(path);
      // It either holds the folder soon or gives way to this one.
      await new Promise((done) => setTimeout(done, 5));
    }
  }
}

function locked(path: string, cause?: unknown): StoreError {
  return new StoreError("STORE_LOCKED", `Another process has this store open (${path})`, cause);
}

function listen(path: string, state: () => string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.end(state());
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

/** What the process behind a socket says of itself: "held", "candidate", or "dead" if there is none. */
function ask(path: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = createConnection(path);
    const finish = (result: string) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(ANSWER_MS, () => finish(HELD));
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => {
      answer += text;
    });
    // Closed without an answer: it is closing down. Asked again, it is dead.
    socket.on("end", () => finish(answer || "candidate"));
    // Refused: nobody listens any more. Gone: it gave way. Anything else may be a busy process.
    socket.on("error", ({ code }: NodeJS.ErrnoException) =>
      finish(code === "ECONNREFUSED" || code === "ENOENT" ? "dead" : HELD),
    );
  });
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
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

  list(): string[] {
    return readdirSync(this.#folder);
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
  }
}
