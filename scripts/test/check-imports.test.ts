import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { checkImports } from "../check-imports.mjs";

let packages: string;
beforeEach(() => {
  packages = mkdtempSync(join(tmpdir(), "holdfast-arrows-"));
});
afterEach(() => rmSync(packages, { recursive: true, force: true }));

/** Checks packages made of these files; each package depends on `ws`. */
function check(files: Record<string, string>): string[] {
  for (const [path, text] of Object.entries(files)) {
    const file = join(packages, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    const [name] = path.split("/");
    writeFileSync(join(packages, name!, "package.json"), JSON.stringify({ dependencies: { ws: "8" } }));
  }
  return checkImports(packages);
}

it("allows the arrows of the design, Node's modules and declared dependencies", () => {
  const problems = check({
    "protocol/src/index.ts": "export const a = 1;",
    "core/src/index.ts": 'import { a } from "@holdfast/protocol"; import "node:events";',
    "store-lmdb/src/index.ts": 'import type { Store } from "@holdfast/core";',
    "server/src/index.ts": 'import "@holdfast/core"; import "ws"; import "./a.ts";',
    "server/src/a.ts": 'import "@holdfast/protocol";',
    "client/src/index.ts": 'import "@holdfast/protocol";',
  });
  expect(problems).toEqual([]);
});

it.each([
  ["core", 'import "holdfast";'],
  ["core", 'export type { Server } from "holdfast";'],
  ["client", 'import "@holdfast/core";'],
  ["client", 'const core = await import("@holdfast/core");'],
  ["client", 'type Room = import("@holdfast/core").Room;'],
  ["protocol", 'import "@holdfast/core";'],
  ["store-redis", 'import "holdfast/engine";'],
])("refuses an import against the arrows: %s with %s", (name, text) => {
  expect(check({ [`${name}/src/index.ts`]: text })).toEqual([expect.stringContaining("against the arrows")]);
});

it("keeps Node out of the protocol", () => {
  const problems = check({ "protocol/src/index.ts": 'import { Buffer } from "node:buffer";' });
  expect(problems).toEqual([expect.stringContaining("protocol is pure")]);
});

it("refuses to reach into another package's sources", () => {
  const problems = check({
    "server/src/index.ts": 'import "../../core/src/room.ts";',
    "core/src/room.ts": "export {};",
  });
  expect(problems).toEqual([expect.stringContaining("reaches outside its src")]);
});

it("refuses a dependency that package.json does not name", () => {
  expect(check({ "server/src/index.ts": 'import "express";' })).toEqual([
    expect.stringContaining("does not name"),
  ]);
});

it("names the files of a cycle, also of one made of types only", () => {
  const problems = check({
    "core/src/a.ts": 'import type { B } from "./b.ts";',
    "core/src/b.ts": 'import type { C } from "./c.ts";',
    "core/src/c.ts": 'import type { A } from "./a.ts";',
  });
  expect(problems).toEqual(["a cycle: core/src/a.ts → core/src/b.ts → core/src/c.ts → core/src/a.ts"]);
});

it("refuses a package that has no arrow yet", () => {
  expect(check({ "mystery/src/index.ts": "" })).toEqual([expect.stringContaining("no arrow")]);
});
