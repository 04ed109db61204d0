import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// Tests run on the sources: every workspace name resolves to its src folder.
export default defineConfig({
  resolve: {
    alias: [
      { find: /^@holdfast\/protocol$/, replacement: source("packages/protocol/src/index.ts") },
      { find: /^@holdfast\/core$/, replacement: source("packages/core/src/index.ts") },
      { find: /^@holdfast\/core\/contract$/, replacement: source("packages/core/src/contract/index.ts") },
      { find: /^@holdfast\/store-lmdb$/, replacement: source("packages/store-lmdb/src/index.ts") },
      { find: /^holdfast$/, replacement: source("packages/server/src/index.ts") },
      { find: /^holdfast\/engine$/, replacement: source("packages/server/src/engine/index.ts") },
      { find: /^holdfast-client\/work$/, replacement: source("packages/client/src/work/index.ts") },
      { find: /^holdfast-client$/, replacement: source("packages/client/src/index.ts") },
    ],
  },
  test: {
    include: ["{packages,examples}/*/test/**/*.test.ts", "{conformance,scripts}/test/**/*.test.ts"],
    testTimeout: 15_000,
    // real servers, browsers and kills on a shared machine: what fails must fail twice there
    retry: process.env.CI ? 1 : 0,
    pool: "forks",
    maxWorkers: 2,
  },
});
