// One server process on one core, and the load generator on another.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { machineCpu, otherShare, processCpu } from "./other-work.mjs";
import { pinned } from "./processes.mjs";
import { CACHE } from "./runtimes.mjs";
import { commandOf, servers } from "./servers.mjs";

const SERVER_CORE = "0";
const LOAD_CORE = "1";
const START_TIMEOUT_MS = 15_000;
const EXIT_TIMEOUT_MS = 5_000;

/** A child whose stdout is lines of JSON. */
class LineProcess {
  #waiting = [];
  #lines = [];
  #ended = null;
  #errors = "";

  constructor(core, command) {
    const [file, ...args] = pinned(core, command);
    this.child = spawn(file, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, NODE_ENV: "production" },
    });
    this.child.stdin.on("error", () => {});
    this.child.stderr.on("data", (text) => {
      this.#errors = (this.#errors + text).slice(-4000);
    });
    createInterface({ input: this.child.stdout }).on("line", (line) => this.#push(JSON.parse(line)));
    this.exited = new Promise((resolve) => {
      this.child.on("error", (error) => this.#end(String(error), resolve));
      this.child.on("close", (code, signal) => this.#end(`it ended (${code ?? signal})`, resolve));
    });
  }

  /** The next line. Rejects if the process ends before it. */
  next() {
    if (this.#lines.length) return Promise.resolve(this.#lines.shift());
    if (this.#ended) return Promise.reject(new Error(this.#ended));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  write(line) {
    this.child.stdin.write(`${line}\n`);
  }

  #push(line) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting.resolve(line);
    else this.#lines.push(line);
  }

  #end(why, resolve) {
    this.#ended ??= `${why}${this.#errors ? `:\n${this.#errors}` : ""}`;
    for (const { reject } of this.#waiting.splice(0)) reject(new Error(this.#ended));
    resolve();
  }
}

/** A running server. */
class ServerUnderTest {
  loadCpuSeconds = 0;

  constructor(name, process, port) {
    this.name = name;
    this.process = process;
    this.port = port;
  }

  get pid() {
    return this.process.child.pid;
  }

  /** Collects garbage, then reads the resident memory from the operating system. All in bytes. */
  async settle() {
    this.process.write("settle");
    const settled = await this.process.next();
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return { ...settled, rss: Number(/VmRSS:\s+(\d+) kB/.exec(status)[1]) * 1024 };
  }

  /** Runs the load generator with `options` (the flags of load.c) and returns its report. */
  async load(options, onHold = async () => {}) {
    const all = { ...options, port: this.port, pid: this.pid, plain: servers[this.name].plain ? 1 : 0 };
    const flags = Object.entries(all).flatMap(([key, value]) => [`--${key}`, String(value)]);
    const load = new LineProcess(LOAD_CORE, [`${CACHE}/load`, ...flags]);
    for (;;) {
      const line = await load.next();
      if (line.error) throw new Error(line.error);
      if (line.hold) {
        await onHold(line.hold);
        load.write("");
        continue;
      }
      await load.exited;
      this.loadCpuSeconds += line.loadCpuTotal;
      return line;
    }
  }

  async stop() {
    this.process.write("quit");
    const kill = setTimeout(() => this.process.child.kill("SIGKILL"), EXIT_TIMEOUT_MS);
    await this.process.exited;
    clearTimeout(kill);
  }
}

/**
 * Starts a server, hands it to `use`, and stops it whatever happens.
 * @param onOtherWork called with the share of one core that other programs used meanwhile
 */
export async function withServer(name, { kind, transport = "websocket", profile, onOtherWork }, use) {
  const start = machineCpu();
  const ownStart = process.cpuUsage();
  const started = new LineProcess(SERVER_CORE, commandOf(name, kind, transport, profile));
  const kill = setTimeout(() => started.child.kill("SIGKILL"), START_TIMEOUT_MS);
  const { ready } = await started.next().finally(() => clearTimeout(kill));
  const server = new ServerUnderTest(name, started, ready);
  try {
    const result = await use(server);
    const { user, system } = process.cpuUsage(ownStart);
    onOtherWork?.(otherShare(start, processCpu(server.pid) + server.loadCpuSeconds + (user + system) / 1e6));
    return result;
  } finally {
    await server.stop();
  }
}
