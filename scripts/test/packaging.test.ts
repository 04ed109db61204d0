import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildIfStale } from "../build.mjs";
import { root } from "../lib/shell.mjs";

const execute = promisify(execFile);
const fixtures = fileURLToPath(new URL("./packaging", import.meta.url));
const INSTALL_TIMEOUT_MS = 300_000;
const COMPILE_TIMEOUT_MS = 180_000;

/** A folder outside the repository with both tarballs installed, as a user would. */
const folder = mkdtempSync(join(tmpdir(), "holdfast-packaging-"));

beforeAll(async () => {
  await buildIfStale();
  for (const name of ["server", "client"]) {
    await execute("npm", ["pack", "--pack-destination", folder], { cwd: `${root}packages/${name}` });
  }
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true }));
  cpSync(fixtures, folder, { recursive: true });
  for (const extension of ["mts", "cts"])
    cpSync(join(folder, "types.ts"), join(folder, `types.${extension}`));
  const tarballs = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  // Beside ours: the client they must serve, and the types of Node that TypeScript's users have.
  const others = ["socket.io-client@4.8.4", "@types/node@20"];
  const quiet = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
  await execute("npm", ["install", ...quiet, ...tarballs.map((name) => `./${name}`), ...others], {
    cwd: folder,
  });
}, INSTALL_TIMEOUT_MS);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs one of the fixtures there; what it throws is what the test reports. */
async function runFixture(name: string): Promise<string> {
  const { stdout } = await execute(process.execPath, [name], { cwd: folder });
  return stdout.trim();
}

/** Compiles fixtures as strictly as can be, declarations of packages included. */
async function compile(files: string[], options: string[]): Promise<void> {
  const tsc = `${root}node_modules/typescript/bin/tsc`;
  const strict = ["--noEmit", "--strict", "--skipLibCheck", "false", "--target", "es2022", "--types", "node"];
  await execute(process.execPath, [tsc, ...strict, ...options, ...files], { cwd: folder }).catch((error) => {
    throw new Error(error.stdout);
  });
}

describe("the packed tarballs, installed in an empty folder", () => {
  it("bring nothing of this repository but themselves", () => {
    const installed = readdirSync(join(folder, "node_modules"));
    expect(installed).toEqual(expect.arrayContaining(["holdfast", "holdfast-client"]));
    expect(installed).not.toContain("@holdfast");
    for (const name of ["holdfast", "holdfast-client"]) {
      const manifest = JSON.parse(readFileSync(join(folder, "node_modules", name, "package.json"), "utf8"));
      expect(Object.keys(manifest.dependencies).filter((dependency) => /holdfast/.test(dependency))).toEqual(
        [],
      );
    }
  });

  it.each(["holdfast/dist/client", "holdfast-client/dist"])("have the bundles for browsers in %s", (path) => {
    const published = ["socket.io", "socket.io.min", "socket.io.esm.min", "socket.io.msgpack.min"];
    const bundles = [...published, "socket.io.resume.min"];
    const expected = bundles.flatMap((name) => [`${name}.js`, `${name}.js.map`]);
    expect(readdirSync(join(folder, "node_modules", path))).toEqual(expect.arrayContaining(expected));
  });

  it("give a callable server to require", async () => {
    expect(await runFixture("callable.cjs")).toBe("ok");
  });

  it("give the same classes to require and import", async () => {
    expect(await runFixture("same-classes.mjs")).toBe("ok");
  });

  it("serve a stock client, and both module formats of ours", async () => {
    expect(await runFixture("connect.mjs")).toBe("ok");
  });

  it("keep a room's events in the embedded store", async () => {
    expect(await runFixture("kept.mjs")).toBe("ok");
  });

  // One run of the compiler per way of resolving modules, for it takes seconds.
  it.each([
    [
      "nodenext",
      ["types.mts", "types.cts", "callable-types.cts", "default-types.mts"],
      ["--module", "nodenext"],
    ],
    ["bundler", ["types.ts", "augmented-types.ts"], ["--module", "esnext", "--moduleResolution", "bundler"]],
    [
      "node10",
      ["types.ts"],
      ["--module", "commonjs", "--moduleResolution", "node10", "--esModuleInterop", "false"],
    ],
  ])(
    "have types that hold under module resolution %s",
    async (_, files, options) => {
      await compile(files, options);
    },
    COMPILE_TIMEOUT_MS,
  );
});
