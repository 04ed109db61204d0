import { readdirSync } from "node:fs";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";
import ts from "typescript";
import { root } from "../lib/shell.mjs";

/**
 * Bundles the declarations of a package, those of our unpublished packages included, into `folder`:
 * one `NAME.d.cts` per entry and what they share beside them. CommonJS declarations can be imported from
 * ES modules too, so both see the same classes.
 * @param {string} name the workspace
 * @param {Record<string, string>} entries name → file below the workspace's src
 * @param {string} folder
 */
export async function bundleTypes(name, entries, folder) {
  const input = Object.fromEntries(
    Object.entries(entries).map(([entry, file]) => [entry, `${root}packages/${name}/src/${file}`]),
  );
  const build = await rollup({
    input,
    external: (id) => !id.startsWith(".") && !id.startsWith("/") && !id.startsWith("@holdfast/"),
    plugins: [
      dts({ tsconfig: `${root}packages/${name}/tsconfig.json`, compilerOptions: { paths: privatePaths() } }),
    ],
    // The other warnings are of taste: internal types that a public one mentions need no public name.
    onwarn({ code, message }) {
      if (code === "UNRESOLVED_IMPORT") throw new Error(`types of ${name}: ${message}`);
    },
  });
  await build.write({
    dir: folder,
    format: "es",
    entryFileNames: "[name].d.cts",
    chunkFileNames: "shared.d.cts",
  });
  await build.close();
}

/** Where the sources of our unpublished packages are; without `paths` they would count as installed packages. */
function privatePaths() {
  const names = readdirSync(`${root}packages`);
  return Object.fromEntries(
    names.map((name) => [`@holdfast/${name}`, [`${root}packages/${name}/src/index.ts`]]),
  );
}

/** The names that a declaration file exports, types included, `default` not. */
export function exportedNames(file) {
  const program = ts.createProgram([file], { module: ts.ModuleKind.NodeNext, noLib: true });
  const checker = program.getTypeChecker();
  const symbols = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)));
  return symbols.map((symbol) => symbol.name).filter((name) => name !== "default");
}
