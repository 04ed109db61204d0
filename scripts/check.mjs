// `npm run check`: everything that can be told without running the code. Installs what it needs.
import { existsSync, readdirSync } from "node:fs";
import { installPackages, requireNode } from "./lib/install.mjs";
import { root, run, runTool, since } from "./lib/shell.mjs";
import { closingLine } from "./lib/tally.mjs";

requireNode();
await installPackages();

const script = (path) => () => run(process.execPath, [root + path], { capture: true });
const checks = [
  [
    "lint and format",
    () => runTool("@biomejs/biome/bin/biome", ["ci", "--colors=off", "."], { capture: true }),
  ],
  ["import arrows", script("scripts/check-imports.mjs")],
  ["committed text", script("scripts/check-text.mjs")],
  ["client size", script("packages/client/size.mjs")],
  ...workspaces().map((folder) => [`types of ${folder}`, () => checkTypes(folder)]),
];

const tally = { passed: 0, failed: 0, skipped: 0 };
// Two at a time, as the compiler uses one core.
await Promise.all([worker(), worker()]);
console.log(closingLine(tally));
process.exitCode = tally.failed > 0 ? 1 : 0;

async function worker() {
  for (let check = checks.shift(); check; check = checks.shift()) {
    const [name, perform] = check;
    const start = performance.now();
    const { code, output } = await perform();
    tally[code === 0 ? "passed" : "failed"] += 1;
    console.log(`${code === 0 ? "ok    " : "FAILED"} ${name} (${since(start)})`);
    if (output.trim()) console.log(output.trim().replace(/^/gm, "       "));
  }
}

function workspaces() {
  const below = (folder) => readdirSync(root + folder).map((name) => `${folder}/${name}`);
  const folders = [...below("packages"), ...below("examples"), "conformance", "bench", "scripts"];
  return folders.filter((folder) => existsSync(`${root}${folder}/tsconfig.json`));
}

function checkTypes(folder) {
  return runTool("typescript/bin/tsc", ["-p", `${root}${folder}`, "--pretty", "false"], { capture: true });
}
