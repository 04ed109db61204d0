import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { browserOptions } from "../../packages/client/build-options.mjs";
import { bundle } from "./bundle.mjs";
import { bundleTypes } from "./types.mjs";

const require = createRequire(import.meta.url);
const { platform, target, mangleProps, reserveProps } = browserOptions;
const browser = { platform, target };
const minify = { minify: true, mangleProps, reserveProps };

// browser.ts is the module; global.ts and msgpack.ts are the callable that a script tag defines as `io`.
const moduleSource = 'export * from "./browser.ts"; export { default } from "./browser.ts";';
const script = (file) => `import io from "${file}"; publish(io);`;
// The bundle hands `io` to whatever loads it: CommonJS, AMD or a script tag.
const publish = `(() => { const publish = (io) => {
  if (typeof module === "object" && typeof exports === "object") module.exports = io;
  else if (typeof define === "function" && define.amd) define([], () => io);
  else globalThis.io = io;
};`;
const esModule = { ...browser, source: moduleSource, format: "esm" };
const iife = {
  ...browser,
  source: script("./global.ts"),
  format: "iife",
  sourcemap: true,
  banner: { js: publish },
  footer: { js: "})();" },
};

// The names are socket.io-client's: the server serves them, and pages refer to them.
const browserFiles = {
  "socket.io.js": iife,
  "socket.io.min.js": { ...iife, ...minify },
  "socket.io.esm.min.js": { ...esModule, ...minify, sourcemap: true },
  "socket.io.msgpack.min.js": { ...iife, ...minify, source: script("./msgpack.ts") },
  // For bundlers, which minify by themselves, but for names that only we know to be ours.
  "index.mjs": { ...esModule, mangleProps, reserveProps },
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
    `import main from "./index.cjs";\nexport default main;\nexport const { ${names.join(", ")} } = main;\n`,
  );
  await bundleTypes("client", { index: "index.ts" }, folder);
  write("index.d.mts", 'export * from "./index.cjs";\nexport { default } from "./index.cjs";\n');
  // The .js files are scripts for browsers and CommonJS modules for tools, whatever the package is.
  write("package.json", '{ "type": "commonjs" }\n');
}
