import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { root, say } from "./shell.mjs";

/**
 * Runs `action` while no other command of this repository holds the lock `name`, so that two `npm test`
 * (or a test and a start) do not install or build into the same folder at once. The lock of a process that
 * died is taken over.
 */
export async function withLock(name, action) {
  const file = `${root}.cache/${name}.lock`;
  mkdirSync(`${root}.cache`, { recursive: true });
  let waited = false;
  while (!take(file)) {
    if (!waited) say(`waiting for another command to finish its ${name}`);
    waited = true;
    await delay(250);
  }
  try {
    return await action();
  } finally {
    rmSync(file, { force: true });
  }
}

function take(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    if (!holderLives(file)) rmSync(file, { force: true });
    return false;
  }
}

function holderLives(file) {
  try {
    const pid = Number(readFileSync(file, "utf8"));
    // An empty file is a holder between creating it and writing its id.
    return pid === 0 || process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
}
