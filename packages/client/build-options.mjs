import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** How every browser bundle of this package is made: esbuild's options, shared by the build and by size.mjs. */
export const browserOptions = {
  bundle: true,
  platform: "browser",
  format: "esm",
  target: "es2022",
  conditions: ["source"],
  // private names, but for those that programs written for socket.io-client reach for, and what is on the wire
  mangleProps: /^_[a-z]/,
  reserveProps: /^_(placeholder|close)$/,
};

/** What the core loads when an option asks for it, by the name of its file: imported by `import()`, below src. */
export const chunks = { resume: "resume/index.ts" };

/**
 * What an application imports to add to the core, as `holdfast-client/NAME`, below src. Such a module imports
 * `../api.ts` and extends the classes found there (`extend` of src/extension.ts adds to one socket); in Node, where
 * index.ts imports it too, it is always there. Besides its line here it takes a budget in size-budget.json, and in
 * package.json `./NAME` in `exports` (in Node the files of `.`, else dist/NAME.mjs, for `require` dist/socket.io.js) and
 * `./src/NAME/index.ts` and `./dist/NAME.mjs` in `sideEffects`.
 */
export const entries = { reliable: "reliable/index.ts", work: "work/index.ts" };

const src = fileURLToPath(new URL("./src", import.meta.url));

/**
 * Leaves modules out of a bundle: they are files of their own, made by other runs of the bundler. Runs that belong
 * together MUST share a `mangleCache`.
 * @param {Record<string, string>} files what is imported in the place of each module, by its path below src
 * @returns {import("esbuild").Plugin}
 */
export function apart(files) {
  return {
    name: "apart",
    setup({ onResolve }) {
      onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
        const file = files[relative(src, join(resolveDir, path))];
        return file ? { path: file, external: true } : undefined;
      });
    },
  };
}

/** For `apart`: what the core loads from beside itself. @param {(name: string) => string} fileOf */
export function chunkFiles(fileOf) {
  return Object.fromEntries(Object.entries(chunks).map(([name, module]) => [module, fileOf(name)]));
}
