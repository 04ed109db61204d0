import assert from "node:assert";
import { createRequire } from "node:module";
import byDefault, * as holdfast from "holdfast";
import * as engine from "holdfast/engine";
import io, * as client from "holdfast-client";

const require = createRequire(import.meta.url);
const pairs = { holdfast, "holdfast/engine": engine, "holdfast-client": client };
for (const [name, imported] of Object.entries(pairs)) {
  const { default: _, "module.exports": __, ...named } = imported;
  for (const [key, value] of Object.entries(named)) assert.equal(require(name)[key], value, `${name} ${key}`);
}
assert.equal(byDefault, holdfast.Server);
assert.equal(io, client.io);
assert(new (require("holdfast").Server)() instanceof holdfast.Server);
console.log("ok");
