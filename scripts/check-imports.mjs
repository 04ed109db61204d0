// The arrows of design.md: who may import whom. Type imports count.
//   protocol ← core ← server, protocol ← client, core's ports ← store-* ← server (the embedded default)
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { root } from "./lib/shell.mjs";

/** Which packages of this repository each one may import, by folder. `store-*` stands for every store. */
const arrows = {
  protocol: [],
  core: ["@holdfast/protocol"],
  "store-*": ["@holdfast/core"],
  server: ["@holdfast/protocol", "@holdfast/core", "@holdfast/store-lmdb"],
  client: ["@holdfast/protocol"],
  dashboard: ["holdfast", "holdfast-client"],
};
/**
 * Who may look up, as types only: Socket.IO's public types are recursive (`socket.nsp.server.of("/")`), and users name
 * these classes as types, so that no interface could stand in for them.
 */
const recursive = {
  "server/src/socket.ts": "./namespace.ts",
  "server/src/namespace.ts": "./server.ts",
  "server/src/server-options.ts": "./socket.ts",
};
/** Runs in browsers too, so it may not touch Node. */
const pure = new Set(["protocol"]);

/**
 * Everything wrong with the imports below `packages`, a sentence each.
 * @param {string} packages absolute path of the folder that holds the packages
 */
export function checkImports(packages) {
  const graph = new Map();
  const problems = readdirSync(packages).flatMap((name) => checkPackage(packages, name, graph));
  const cycle = findCycle(graph);
  if (cycle) problems.push(`a cycle: ${cycle.map((file) => relative(packages, file)).join(" → ")}`);
  return problems;
}

function checkPackage(packages, name, graph) {
  const folder = join(packages, name);
  const allowed = arrows[name] ?? arrows[name.replace(/^store-.+/, "store-*")];
  if (!allowed) return [`packages/${name}: no arrow says what it may import (scripts/check-imports.mjs)`];
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const declared = Object.keys({ ...dependencies, ...devDependencies }); // the latter are bundled
  return sourcesOf(join(folder, "src")).flatMap((file) => {
    const specifiers = importsOf(file);
    const local = specifiers.filter((specifier) => specifier.startsWith("."));
    const targets = local.map((specifier) => resolve(dirname(file), specifier));
    const upward = recursive[relative(packages, file)];
    const isType = upward && !importsValue(file, upward);
    graph.set(file, isType ? targets.filter((_, i) => local[i] !== upward) : targets);
    const outside = targets.filter((target) => !target.startsWith(join(folder, "src/")));
    const foreign = specifiers.filter((specifier) => !specifier.startsWith("."));
    return [
      ...outside.map((target) => `reaches outside its src: ${relative(folder, target)}`),
      ...foreign.map((specifier) => refusal(specifier, name, allowed, declared)).filter(Boolean),
    ].map((problem) => `packages/${name}/${relative(folder, file)} ${problem}`);
  });
}

/** Why a package may not import `specifier`, or undefined. */
function refusal(specifier, name, allowed, declared) {
  const module = specifier.match(/^(@[^/]+\/)?[^/]+/)[0];
  if (module.startsWith("node:") || builtinModules.includes(module)) {
    if (!module.startsWith("node:")) return `imports ${module} without "node:"`;
    return pure.has(name) ? `imports ${specifier}, but ${name} is pure` : undefined;
  }
  const ours = module.startsWith("@holdfast/") || module === "holdfast" || module === "holdfast-client";
  if (ours) return allowed.includes(module) ? undefined : `imports ${specifier}, against the arrows`;
  return declared.includes(module) ? undefined : `imports ${module}, which its package.json does not name`;
}

function sourcesOf(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
}

function importsOf(file) {
  return ts
    .preProcessFile(readFileSync(file, "utf8"), true, true)
    .importedFiles.map(({ fileName }) => fileName);
}

/** Whether the file imports more than types from there. */
function importsValue(file, specifier) {
  const { statements } = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest);
  return statements
    .filter((statement) => statement.moduleSpecifier?.text === specifier)
    .some((statement) => !statement.importClause?.isTypeOnly && !statement.isTypeOnly);
}

/** A path that ends where it begins, or undefined. Depth first: grey files are on the present path. */
function findCycle(graph) {
  const done = new Set();
  const path = [];
  function visit(file) {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    path.push(file);
    for (const target of graph.get(file) ?? []) {
      const cycle = visit(target);
      if (cycle) return cycle;
    }
    path.pop();
    done.add(file);
    return undefined;
  }
  for (const file of graph.keys()) {
    const cycle = visit(file);
    if (cycle) return cycle;
  }
  return undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problems = checkImports(`${root}packages`);
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
