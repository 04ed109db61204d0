// Prints the size of the browser bundle, minified and gzipped, beside socket.io-client's and the budget, and then of
// each file that is loaded beside it. Fails when one is over its budget; `--write` makes the present sizes the budgets.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import esbuild from "esbuild";
import { apart, browserOptions, chunkFiles, chunks, entries } from "./build-options.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const budgetFile = here("size-budget.json");
const beside = chunkFiles((name) => `./socket.io.${name}.min.js`);

/**
 * Bytes of an ES module for browsers after minification and gzip -9, without what it loads when asked for.
 * @param {string} module below src
 * @param {Record<string, string>} elsewhere modules that are files of their own
 */
export async function sizeOfBundle(module = "browser.ts", elsewhere = beside) {
  const { outputFiles } = await esbuild.build({
    ...browserOptions,
    entryPoints: [here(`src/${module}`)],
    plugins: [apart(elsewhere)],
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
  const sizes = { core: await sizeOfBundle() };
  for (const [name, module] of Object.entries({ ...chunks, ...entries })) {
    sizes[name] = await sizeOfBundle(module, { "api.ts": "./socket.io.esm.min.js" });
  }
  if (process.argv.includes("--write")) {
    writeFileSync(budgetFile, `${JSON.stringify(sizes, undefined, 2)}\n`);
  }
  const budgets = JSON.parse(readFileSync(budgetFile, "utf8"));
  for (const [name, bytes] of Object.entries(sizes)) {
    const beside = name === "core" ? `, socket.io-client ${sizeOfStock()} B` : "";
    process.stdout.write(`holdfast-client ${name} ${bytes} B, budget ${budgets[name]} B${beside}\n`);
    // without a budget, none is left
    if (!(bytes <= budgets[name])) process.exitCode = 1;
  }
}
