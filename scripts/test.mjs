// `npm test`: installs what is missing, builds what is stale, runs every suite and adds up.
// `npm test -- NAME...` runs only the suites of those names.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildIfStale } from "./build.mjs";
import { installPackages, installSystemPrograms, requireNode } from "./lib/install.mjs";
import { root, run, runTool, say, since, stop } from "./lib/shell.mjs";
import { closingLine, sum, tallyOf } from "./lib/tally.mjs";

const SUITE_TIMEOUT_MS = 10 * 60_000;
const captured = { capture: true, timeoutMs: SUITE_TIMEOUT_MS };

/**
 * One suite per folder of tests, perhaps with a vitest `config` of its own; a `script` of a workspace counts as one
 * test. `needs` names programs that scripts/lib/install.mjs installs.
 */
const suites = [
  ...readdirSync(`${root}packages`).map((name) => ({ name, folder: `packages/${name}/test` })),
  { name: "scripts", folder: "scripts/test" },
  { name: "conformance", folder: "conformance/test" },
  {
    // The same conversations, with our client in the place of the stock one.
    name: "conformance-client",
    folder: "conformance/test/socketio",
    config: "conformance/test/client/our-client.config.ts",
  },
  { name: "chat", folder: "examples/chat/test", needs: ["chromium"] },
  { name: "jobs", folder: "examples/jobs/test", needs: ["chromium"] },
  { name: "fuzz", folder: "conformance", script: "fuzz" },
].filter(({ folder, script }) => script || hasTests(folder));

requireNode();
const chosen = choose(process.argv.slice(2));
const start = performance.now();
await installPackages();
const missing = await installSystemPrograms();
await buildIfStale();
const reports = mkdtempSync(join(tmpdir(), "holdfast-test-"));
process.on("exit", () => rmSync(reports, { recursive: true, force: true }));

const tallies = [];
for (const suite of chosen) tallies.push(await runSuite(suite));
const total = sum(tallies);
say(`${chosen.length} suites in ${since(start)}`);
console.log(closingLine(total));
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;

async function runSuite(suite) {
  const lacking = (suite.needs ?? []).filter((program) => missing.has(program));
  if (lacking.length > 0) return skip(suite.name, lacking);
  say(`suite ${suite.name}`);
  const start = performance.now();
  const { tally, output } = await (suite.script ? runScript(suite) : runTests(suite));
  if (tally.failed > 0) console.log(output);
  console.log(`  ${suite.name}: ${closingLine(tally)} (${since(start)})`);
  return tally;
}

async function runTests({ name, folder, config = "vitest.config.ts" }) {
  const file = join(reports, `${name}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const args = ["run", "--root", root, "--config", config, ...reporters, `${folder}/`];
  const { code, output } = await runTool("vitest/vitest.mjs", args, captured);
  // No report: it could not even begin.
  if (!existsSync(file)) return { tally: { passed: 0, failed: 1, skipped: 0 }, output };
  return { tally: tallyOf(JSON.parse(readFileSync(file, "utf8")), code), output };
}

async function runScript({ folder, script }) {
  const { code, output } = await run("npm", ["run", script, "--workspace", folder], captured);
  return { tally: { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 }, output };
}

/** In CI a suite that cannot run has failed; elsewhere it says what to install. */
function skip(name, lacking) {
  const how = lacking.map((program) => `${program} (${missing.get(program)})`).join(", ");
  console.log(`  ${name}: ${process.env.CI ? "failed" : "skipped"}, because it needs ${how}`);
  return process.env.CI ? { passed: 0, failed: 1, skipped: 0 } : { passed: 0, failed: 0, skipped: 1 };
}

function choose(names) {
  const unknown = names.filter((name) => !suites.some((suite) => suite.name === name));
  if (unknown.length > 0) {
    stop(`No such suite: ${unknown.join(", ")}. There are: ${suites.map(({ name }) => name).join(", ")}.`);
  }
  return names.length > 0 ? suites.filter(({ name }) => names.includes(name)) : suites;
}

function hasTests(folder) {
  const names = existsSync(root + folder) ? readdirSync(root + folder, { recursive: true }) : [];
  return names.some((name) => name.endsWith(".test.ts"));
}
