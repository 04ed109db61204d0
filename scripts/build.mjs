// `npm run build`: makes packages/client/dist and packages/server/dist, which is what users install.
import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { installPackages, requireNode } from "./lib/install.mjs";
import { withLock } from "./lib/lock.mjs";
import { root, say, since } from "./lib/shell.mjs";
import { hashOf, isStamped, stamp } from "./lib/stamp.mjs";

// What the output depends on: our sources, the build itself and the versions of all dependencies.
const inputs = ["packages", "scripts/build.mjs", "scripts/build", "tsconfig.base.json", "package-lock.json"];
const outputs = { client: `${root}packages/client/dist`, server: `${root}packages/server/dist` };
const stampFile = `${root}.cache/build.stamp`;

/** Builds both packages. Another command that builds at the same time is waited for. */
export function build() {
  return withLock("build", buildAll);
}

/** Builds unless the output is that of the present sources. */
export function buildIfStale() {
  return withLock("build", async () => {
    if (!isFresh()) await buildAll();
  });
}

async function buildAll() {
  // Not before their packages are installed.
  const { buildClient } = await import("./build/client.mjs");
  const { buildServer } = await import("./build/server.mjs");
  const hash = hashOfInputs();
  rmSync(stampFile, { force: true });
  await replace(outputs.client, buildClient);
  await replace(outputs.server, (folder) => buildServer(folder, outputs.client));
  stamp(stampFile, hash);
}

function isFresh() {
  return Object.values(outputs).every(existsSync) && isStamped(stampFile, hashOfInputs());
}

/** Fills a new folder, then puts it in the place of the old one, so that nobody reads half a build. */
async function replace(folder, fill) {
  const start = performance.now();
  const fresh = mkdtempSync(`${folder}-`);
  try {
    await fill(fresh);
    rmSync(folder, { recursive: true, force: true });
    chmodSync(fresh, 0o755);
    renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  say(`built ${folder.slice(root.length)} (${since(start)})`);
}

function hashOfInputs() {
  return hashOf(inputs.map((path) => root + path));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  requireNode();
  await installPackages();
  await build();
}
