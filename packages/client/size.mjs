// Prints the size of the browser bundle, minified and gzipped, beside socket.io-client's and the budget.
// Fails when it is over the budget; `--write` makes the present size the budget.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import esbuild from "esbuild";
import { browserOptions } from "./build-options.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const budgetFile = here("size-budget.json");

/** Bytes of the ES module for browsers after minification and gzip -9. */
export function sizeOfBundle(entry = "src/browser.ts") {
  const { outputFiles } = esbuild.buildSync({
    ...browserOptions,
    entryPoints: [here(entry)],
    minify: true,
    legalComments: "none",
    write: false,
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

function sizeOfStock() {
  const entry = createRequire(import.meta.url).resolve("socket.io-client/dist/socket.io.js");
  return gzipSync(readFileSync(entry.replace(/\.js$/, ".esm.min.js")), { level: 9 }).length;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const bytes = sizeOfBundle();
  if (process.argv.includes("--write")) {
    writeFileSync(budgetFile, `${JSON.stringify({ bytes }, undefined, 2)}\n`);
  }
  const budget = JSON.parse(readFileSync(budgetFile, "utf8")).bytes;
  process.stdout.write(
    `holdfast-client ${bytes} B, budget ${budget} B, socket.io-client ${sizeOfStock()} B\n`,
  );
  if (bytes > budget) process.exitCode = 1;
}
