import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const ignored = /^(node_modules|test|dist(-.*)?)$/;

/**
 * A hash over the names and contents of files and folders: equal exactly when nothing in them changed.
 * Tests and what was built or installed do not count.
 */
export function hashOf(paths) {
  const hash = createHash("sha256");
  const add = (path) => {
    if (!existsSync(path)) return;
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).sort()) if (!ignored.test(name)) add(join(path, name));
    } else {
      hash.update(`${path}\0`).update(readFileSync(path)).update("\0");
    }
  };
  for (const path of paths) add(path);
  return hash.digest("hex");
}

/** Whether `file` records `hash`. */
export function isStamped(file, hash) {
  return existsSync(file) && readFileSync(file, "utf8") === hash;
}

/** Records `hash` in `file`. */
export function stamp(file, hash) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, hash);
}
