import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoreHarness, Subject, SubjectOptions } from "@holdfast/core/contract";
import { LmdbStore } from "../src/index.ts";

const open = async (path: string, options: SubjectOptions): Promise<Subject> => {
  const store = new LmdbStore({ path, ...options });
  await store.opened;
  return {
    store,
    crash: async () => {
      // What a killed process leaves: the file as it is at this moment.
      const copy = folder();
      copyFileSync(join(path, "data.mdb"), join(copy, "data.mdb"));
      return open(copy, options);
    },
    reopen: async () => {
      await store.close();
      return open(path, options);
    },
    dispose: async () => {
      await store.close();
      rmSync(path, { recursive: true, force: true });
    },
  };
};

const folder = () => mkdtempSync(join(tmpdir(), "holdfast-lmdb-"));

/** LMDB in a folder of its own. */
export const lmdbHarness: StoreHarness = { open: async (options = {}) => open(folder(), options) };
