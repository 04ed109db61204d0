import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, release, totalmem, type } from "node:os";
import { bunBinary, redisBinary } from "./runtimes.mjs";

const require = createRequire(import.meta.url);

/** What the figures were measured on, and with. */
export function describeMachine() {
  const bun = bunBinary();
  const redis = redisBinary();
  return {
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()}`,
    pinned: canPin(),
    versions: {
      node: process.versions.node,
      "socket.io": packageVersion("socket.io"),
      ws: packageVersion("ws"),
      bullmq: packageVersion("bullmq"),
      ...(redis ? { redis: versionIn(execFileSync(redis, ["--version"], { encoding: "utf8" })) } : {}),
      ...(bun ? { bun: execFileSync(bun, ["--version"], { encoding: "utf8" }).trim() } : {}),
    },
  };
}

let isPinnable;

/** Server and load each get a core of their own, where there are two and `taskset` exists. */
export function canPin() {
  isPinnable ??= findTaskset();
  return isPinnable;
}

function findTaskset() {
  if (cpus().length < 2) return false;
  try {
    execFileSync("taskset", ["-c", "0", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function versionIn(text) {
  return /v=([\d.]+)/.exec(text)?.[1] ?? text.trim();
}

function packageVersion(name) {
  return JSON.parse(readFileSync(require.resolve(`${name}/package.json`), "utf8")).version;
}
