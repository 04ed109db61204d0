import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { bundle } from "./bundle.mjs";
import { bundleTypes } from "./types.mjs";

const require = createRequire(import.meta.url);
const browser = { platform: "browser", target: "es2020" };

// browser.ts is the module, global.ts the callable that a script tag defines as `io`.
const moduleSource = 'export * from "./browser.ts"; export { default } from "./browser.ts";';
const scriptSource = `import io from "./global.ts";
  if (typeof module === "object" && typeof exports === "object") module.exports = io;
  else if (typeof define === "function" && define.amd) define([], () => io);
  else globalThis.io = io;`;

/** The ES module that browsers load by URL; its size is what `npm run check` watches. */
export const esmMin = { ...browser, source: moduleSource, format: "esm", minify: true, sourcemap: true };

// The names are socket.io-client's: the server serves them, and pages refer to them.
const browserFiles = {
  "socket.io.esm.min.js": esmMin,
  "socket.io.js": { ...browser, source: scriptSource, format: "iife", sourcemap: true },
  "socket.io.min.js": { ...browser, source: scriptSource, format: "iife", minify: true, sourcemap: true },
  "socket.io.msgpack.min.js": {
    ...browser,
    source: `import * as parser from "socket.io-msgpack-parser";
      import { defaults } from "./parser.ts";
      defaults.parser = parser;
      ${scriptSource}`,
    format: "iife",
    minify: true,
    sourcemap: true,
  },
  // For bundlers, which minify by themselves.
  "index.mjs": { ...browser, source: moduleSource, format: "esm" },
};

/** Fills `folder` with what `holdfast-client` publishes: bundles for browsers, bundlers and Node. */
export async function buildClient(folder) {
  for (const [name, { source, ...options }] of Object.entries(browserFiles)) {
    await bundle("client", source, { ...options, outfile: `${folder}/${name}` });
  }
  await bundle("client", 'export * from "./index.ts"; export { default } from "./index.ts";', {
    platform: "node",
    format: "cjs",
    outfile: `${folder}/index.cjs`,
    // As require("socket.io-client"): a function that carries everything else.
    footer: { js: "module.exports = Object.assign(module.exports.default, module.exports);" },
  });
  // Node's ES modules take the classes from the CommonJS file, so that `instanceof` holds across both.
  const names = Object.keys(require(`${folder}/index.cjs`)).filter((name) => name !== "default");
  const write = (name, text) => writeFileSync(`${folder}/${name}`, text);
  write(
    "node.mjs",
    `import io from "./index.cjs";\nexport default io;\nexport const { ${names.join(", ")} } = io;\n`,
  );
  await bundleTypes("client", { index: "index.ts" }, folder);
  write("index.d.mts", 'export * from "./index.cjs";\nexport { default } from "./index.cjs";\n');
  // The .js files are scripts for browsers and CommonJS modules for tools, whatever the package is.
  write("package.json", '{ "type": "commonjs" }\n');
}
