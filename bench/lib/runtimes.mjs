// Finds and makes what servers and load run on.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const BENCH = fileURLToPath(new URL("..", import.meta.url));
const PLACEHOLDER_BYTES_MAX = 1_000_000;

export const CACHE = join(BENCH, ".cache");
export const RESULTS = join(BENCH, "results");

/** Bun's binary, or null. npm may have kept Bun's install script from moving it out of its platform package. */
export function bunBinary() {
  const require = createRequire(import.meta.url);
  const candidates = [];
  try {
    const home = dirname(require.resolve("bun/package.json"));
    candidates.push(join(home, "bin", "bun.exe"), join(home, "bin", "bun"));
  } catch {
    return null;
  }
  const suffixes = process.platform === "linux" ? ["", "-baseline", "-musl"] : [""];
  for (const suffix of suffixes) {
    try {
      const name = `@oven/bun-${process.platform}-${process.arch}${suffix}/package.json`;
      candidates.push(join(dirname(require.resolve(name)), "bin", "bun"));
    } catch {
      // not installed on this platform
    }
  }
  return candidates.find((path) => existsSync(path) && statSync(path).size > PLACEHOLDER_BYTES_MAX) ?? null;
}

/** The path of `redis-server`, or null. */
export function redisBinary() {
  try {
    return execFileSync("sh", ["-c", "command -v redis-server"], { encoding: "utf8" }).trim();
  } catch {
    return null;
  }
}

/** Compiles the load generator and the floor server into the cache, when their sources are newer. */
export function compile() {
  mkdirSync(CACHE, { recursive: true });
  const sources = readdirSync(join(BENCH, "load")).map((file) => join(BENCH, "load", file));
  compileOne(join(CACHE, "load"), sources);
  compileOne(join(CACHE, "floor"), [join(BENCH, "servers", "floor.c")]);
}

function compileOne(output, sources) {
  const newest = Math.max(...sources.map((source) => statSync(source).mtimeMs));
  if (existsSync(output) && statSync(output).mtimeMs > newest) return;
  const files = sources.filter((source) => source.endsWith(".c"));
  const options = ["-std=gnu11", "-O2", "-flto", "-Wall", "-Wextra", "-D_GNU_SOURCE"];
  try {
    execFileSync("cc", [...options, "-o", output, ...files], { stdio: ["ignore", "inherit", "inherit"] });
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    throw new Error(
      "the load generator is C: install a compiler that answers to `cc` (gcc or clang), Linux only",
    );
  }
}
