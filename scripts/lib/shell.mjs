import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The repository's root folder, absolute. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Runs a command and resolves with its exit code and, with `capture`, all it printed.
 * Never rejects: a command that cannot start gives code 127.
 * @param {string} command
 * @param {string[]} args
 * @param {{ capture?: boolean, cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number }} [options] `env` is added
 *   to ours; without `timeoutMs` it may take for ever
 * @returns {Promise<{ code: number, output: string }>}
 */
export function run(command, args, { capture = false, cwd = root, env = {}, timeoutMs } = {}) {
  return new Promise((resolve) => {
    const stdio = capture ? ["ignore", "pipe", "pipe"] : ["ignore", "inherit", "inherit"];
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio, timeout: timeoutMs });
    let output = "";
    const collect = (chunk) => {
      output += chunk;
    };
    child.stdout?.setEncoding("utf8").on("data", collect);
    child.stderr?.setEncoding("utf8").on("data", collect);
    child.on("error", (error) => resolve({ code: 127, output: `${command}: ${error.message}` }));
    child.on("close", (code, signal) => resolve({ code: signal ? 1 : (code ?? 1), output }));
  });
}

/** Runs a script of node_modules, without npx's start-up time. */
export function runTool(modulePath, args, options) {
  return run(process.execPath, [`${root}node_modules/${modulePath}`, ...args], options);
}

/** Says what happens next, so that nobody waits before a silent terminal. */
export function say(text) {
  console.log(`> ${text}`);
}

/** Ends the process with a plain message and no stack trace. */
export function stop(text) {
  console.error(`\n${text}\n`);
  process.exit(1);
}

/** "0.4 s" for a `performance.now()` taken earlier. */
export function since(startMs) {
  return `${((performance.now() - startMs) / 1000).toFixed(1)} s`;
}
