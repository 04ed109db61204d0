import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { apart, browserOptions, chunkFiles, chunks, entries } from "../../packages/client/build-options.mjs";
import { bundle } from "./bundle.mjs";
import { bundleTypes } from "./types.mjs";

const require = createRequire(import.meta.url);
const { platform, target, mangleProps, reserveProps } = browserOptions;
const browser = { platform, target };
const mangle = { mangleProps, reserveProps };
const minify = { minify: true, sourcemap: true, ...mangle };

const reexport = (file) => `export * from "${file}"; export { default } from "${file}";`;
const script = (file) => `import io from "${file}"; publish(io);`;
const everyEntry = Object.values(entries).map((file) => `import "./${file}";`);
// The bundle hands `io` to whatever loads it: CommonJS, AMD or a script tag.
const publish = `(() => { const publish = (io) => {
  if (typeof module === "object" && typeof exports === "object") module.exports = io;
  else if (typeof define === "function" && define.amd) define([], () => io);
  else globalThis.io = io;
};`;
const esModule = { ...browser, format: "esm" };
const iife = { ...browser, format: "iife" };
const umd = { ...iife, banner: { js: publish }, footer: { js: "})();" } };

/** The core as a script tag has defined it. */
const globalCore = {
  name: "global core",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\/api\.ts$/ }, () => ({ path: "io", namespace: "global" }));
    onLoad({ filter: /./, namespace: "global" }, () => ({
      contents: "export const { Manager, Socket } = globalThis.io;",
    }));
  },
};

// What the published bundles load from beside them, and what bundlers find beside index.mjs.
const besideScript = chunkFiles((name) => `./socket.io.${name}.min.js`);
const besideModule = chunkFiles((name) => `./${name}.mjs`);

// browser.ts is the module; global.ts and msgpack.ts are the callable that a script tag defines as `io`. The names are
// socket.io-client's: the server serves them, and pages refer to them.
const browserFiles = {
  "socket.io.esm.min.js": {
    ...esModule,
    ...minify,
    source: reexport("./browser.ts"),
    plugins: [apart(besideScript)],
  },
  "socket.io.min.js": { ...umd, ...minify, source: script("./global.ts"), plugins: [apart(besideScript)] },
  "socket.io.msgpack.min.js": {
    ...umd,
    ...minify,
    source: script("./msgpack.ts"),
    plugins: [apart(besideScript)],
  },
  // For bundlers, which minify by themselves, but for names that only we know to be ours.
  "index.mjs": { ...esModule, ...mangle, source: reexport("./browser.ts"), plugins: [apart(besideModule)] },
  // All in one, to read it and for `require` in bundlers.
  "socket.io.js": {
    ...umd,
    sourcemap: true,
    source: [...everyEntry, script("./global.ts")].join("\n"),
  },
};

for (const [name, file] of Object.entries(chunks)) {
  const source = `export * from "./${file}";`;
  browserFiles[`socket.io.${name}.min.js`] = { ...esModule, ...minify, source };
  browserFiles[`${name}.mjs`] = { ...esModule, ...mangle, source };
}

for (const [name, file] of Object.entries(entries)) {
  const source = `export * from "./${file}";`;
  const besideCore = (core) => [apart({ "api.ts": core })];
  browserFiles[`socket.io.${name}.esm.min.js`] = {
    ...esModule,
    ...minify,
    source,
    plugins: besideCore("./socket.io.esm.min.js"),
  };
  // a script tag behind that of the core, whose global it extends
  browserFiles[`socket.io.${name}.min.js`] = { ...iife, ...minify, source, plugins: [globalCore] };
  browserFiles[`${name}.mjs`] = { ...esModule, ...mangle, source, plugins: besideCore("./index.mjs") };
}

/** Fills `folder` with what `holdfast-client` publishes: bundles for browsers, bundlers and Node. */
export async function buildClient(folder) {
  // what one bundle calls a private name, all others do
  let mangleCache = {};
  for (const [name, { source, ...options }] of Object.entries(browserFiles)) {
    const cache = options.mangleProps && { mangleCache };
    const result = await bundle("client", source, { ...options, ...cache, outfile: `${folder}/${name}` });
    mangleCache = { ...mangleCache, ...result.mangleCache };
  }
  await bundle("client", reexport("./index.ts"), {
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
  // named: the default of a CommonJS module is all of it, for TypeScript too
  write("index.d.mts", 'export * from "./index.cjs";\nexport { io as default } from "./index.cjs";\n');
  // The .js files are scripts for browsers and CommonJS modules for tools, whatever the package is.
  write("package.json", '{ "type": "commonjs" }\n');
}
