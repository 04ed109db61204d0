import { cpSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { bundle } from "./bundle.mjs";
import { bundleTypes, exportedNames } from "./types.mjs";

const require = createRequire(import.meta.url);

/**
 * Fills `folder` with what `holdfast` publishes. All code is in one CommonJS file, main.cjs; the entries for
 * `require` and `import` only pick from it, so that both give the same classes.
 */
export async function buildServer(folder, clientFolder) {
  const source = 'export * as api from "./index.ts"; export * as engine from "./engine/index.ts";';
  await bundle("server", source, {
    platform: "node",
    format: "cjs",
    outfile: `${folder}/main.cjs`,
    define: { "import.meta.url": "moduleUrl" },
    banner: { js: 'const moduleUrl = require("node:url").pathToFileURL(__filename).href;' },
  });
  await bundleTypes("server", { index: "index.ts", engine: "engine/index.ts" }, `${folder}/types`);
  mkdirSync(`${folder}/client`);
  for (const name of readdirSync(clientFolder)) {
    if (name.startsWith("socket.io.")) cpSync(`${clientFolder}/${name}`, `${folder}/client/${name}`);
  }

  // The entries name the exports one by one, as static analysis of ES modules and declarations requires.
  const { api, engine } = require(`${folder}/main.cjs`);
  const write = (name, text) => writeFileSync(`${folder}/${name}`, text);
  write("index.cjs", callableModule);
  write("index.d.cts", callableTypes(exportedNames(`${folder}/types/index.d.cts`)));
  write("index.mjs", esModule("api", Object.keys(api)));
  write("index.d.mts", esTypes("index", "Server"));
  write("engine.cjs", 'module.exports = require("./main.cjs").engine;\n');
  write("engine.d.cts", 'export * from "./types/engine.cjs";\n');
  write("engine.mjs", esModule("engine", Object.keys(engine)));
  write("engine.d.mts", esTypes("engine"));
}

// As require("socket.io"): a function that makes a server, carrying the classes.
const callableModule = `const { default: _, ...api } = require("./main.cjs").api;
module.exports = Object.assign((...options) => new api.Server(...options), api);
`;

function callableTypes(names) {
  const list = names.join(", ");
  return `import { ${list} } from "./types/index.cjs";
/** Makes a server: the same as \`new Server(...)\`. */
declare function holdfast(...options: ConstructorParameters<typeof Server>): Server;
declare namespace holdfast {
  export { ${list} };
}
export = holdfast;
`;
}

function esModule(part, names) {
  const named = names.filter((name) => name !== "default");
  const byDefault = named.length < names.length ? `export default main.${part}.default;\n` : "";
  return `import main from "./main.cjs";
export const { ${named.join(", ")} } = main.${part};
${byDefault}`;
}

/** @param {string} [byName] what the default is called: TypeScript takes that of a CommonJS module for all of it */
function esTypes(entry, byName) {
  const byDefault = byName ? `export { ${byName} as default } from "./types/${entry}.cjs";\n` : "";
  return `export * from "./types/${entry}.cjs";\n${byDefault}`;
}
