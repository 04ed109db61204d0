import { readFileSync } from "node:fs";
import esbuild from "esbuild";
import { root } from "../lib/shell.mjs";

/** The parsed package.json of a workspace. */
export function manifest(name) {
  return JSON.parse(readFileSync(`${root}packages/${name}/package.json`, "utf8"));
}

/**
 * Bundles `source`, a module's text that imports relative to packages/`name`/src, into one file.
 * Everything is bundled but Node's own modules and the package's dependencies, which npm installs.
 * @param {string} name
 * @param {string} source
 * @param {import("esbuild").BuildOptions} options
 * @returns {Promise<import("esbuild").BuildResult>}
 */
export async function bundle(name, source, options) {
  const { name: published, version, dependencies = {} } = manifest(name);
  const license = `/*! ${published} ${version}, speaks engine.io 4 and Socket.IO 5, MIT License */`;
  return esbuild.build({
    stdin: {
      contents: source,
      resolveDir: `${root}packages/${name}/src`,
      sourcefile: "entry.ts",
      loader: "ts",
    },
    bundle: true,
    legalComments: "none",
    ...(options.platform === "node" ? nodeOptions(dependencies) : {}),
    ...options,
    banner: { js: [license, options.banner?.js].filter(Boolean).join("\n") },
  });
}

function nodeOptions(dependencies) {
  return { target: "node20", external: Object.keys(dependencies), conditions: ["@holdfast/source"] };
}
