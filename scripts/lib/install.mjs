import { existsSync, readFileSync } from "node:fs";
import { withLock } from "./lock.mjs";
import { root, run, say, stop } from "./shell.mjs";

const NODE_MAJOR_MIN = 20;

/**
 * What some suites need from the machine. `file` is where Debian puts it; `package` is Debian's name.
 * @type {{ name: string, files: string[], package: string }[]}
 */
const systemPrograms = [
  {
    name: "chromium",
    files: ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"],
    package: "chromium",
  },
  {
    name: "python-socketio",
    files: ["/usr/lib/python3/dist-packages/socketio"],
    package: "python3-socketio",
  },
  {
    name: "redis-server",
    files: ["/usr/bin/redis-server", "/usr/local/bin/redis-server"],
    package: "redis-server",
  },
  { name: "strace", files: ["/usr/bin/strace", "/usr/local/bin/strace"], package: "strace" },
];

/** Ends the process with a plain message when Node is too old for this repository. */
export function requireNode() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major < NODE_MAJOR_MIN)
    stop(`Holdfast needs Node ${NODE_MAJOR_MIN} or newer; this is Node ${process.versions.node}.`);
}

/** Brings node_modules to what package-lock.json names; returns at once when it already is. */
export async function installPackages() {
  if (lockedPackagesPresent()) return;
  await withLock("install", async () => {
    if (lockedPackagesPresent()) return;
    const fresh = !existsSync(`${root}node_modules`);
    say(fresh ? "installing packages (npm ci)" : "updating packages (npm install)");
    const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
    const { code } = await run("npm", [fresh ? "ci" : "install", ...quiet]);
    if (code !== 0) stop("npm could not install the packages: see its message above.");
  });
}

/** Compares npm's own record of what it installed with the lock file. Optional packages may be absent. */
function lockedPackagesPresent() {
  const read = (path) => JSON.parse(readFileSync(`${root}${path}`, "utf8")).packages;
  if (!existsSync(`${root}node_modules/.package-lock.json`)) return false;
  const installed = read("node_modules/.package-lock.json");
  return Object.entries(read("package-lock.json")).every(
    ([path, { version, optional, link }]) =>
      optional || link || !path.includes("node_modules/") || installed[path]?.version === version,
  );
}

/**
 * Installs through apt what the suites need, where that is possible (root on Debian or its kin).
 * @returns {Promise<Map<string, string>>} the names still missing, each with how to install it
 */
export async function installSystemPrograms() {
  const missing = () => systemPrograms.filter(({ files }) => !files.some(existsSync));
  const packages = missing().map((program) => program.package);
  if (packages.length > 0 && process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
    await withLock("install", async () => {
      say(`installing ${packages.join(", ")} (apt-get)`);
      const env = { DEBIAN_FRONTEND: "noninteractive" };
      const update = await run("apt-get", ["update", "-qq"], { env, capture: true });
      const options = ["install", "-qq", "-y", "--no-install-recommends"];
      const install = await run("apt-get", [...options, ...packages], { env, capture: true });
      if (install.code !== 0) console.error(update.output + install.output);
    });
  }
  return new Map(missing().map(({ name, package: debian }) => [name, `apt-get install ${debian}`]));
}
