import { open, readFile, rename } from "node:fs/promises";
import { resolve } from "node:path";
import type { ResumeStorage } from "../options.ts";

/** The files of this process, by path: each is read once, and written by one at a time. */
const files = new Map<string, ResumeStorage>();

/** Keeps texts in one JSON file. It is replaced as a whole, so that a crash leaves the old one or the new one. */
export function fileStorage(path: string): ResumeStorage {
  const absolute = resolve(path);
  let storage = files.get(absolute);
  if (!storage) {
    storage = openFile(absolute);
    files.set(absolute, storage);
  }
  return storage;
}

function openFile(path: string): ResumeStorage {
  let texts: Promise<Record<string, string>> | undefined;
  let writing: Promise<void> = Promise.resolve();

  async function read(): Promise<Record<string, string>> {
    try {
      return JSON.parse(await readFile(path, "utf8"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
      // what can't be read now may be read by the next
      texts = undefined;
      throw error;
    }
  }

  async function write(): Promise<void> {
    const temporary = `${path}.tmp`;
    const file = await open(temporary, "w");
    try {
      await file.writeFile(JSON.stringify(await texts));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  }

  return {
    async getItem(key) {
      texts ??= read();
      return (await texts)[key];
    },
    async setItem(key, value) {
      texts ??= read();
      (await texts)[key] = value;
      writing = writing.then(write, write);
      await writing;
    },
  };
}
