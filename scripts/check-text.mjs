// What is committed must not tell of the machine it was written on, and its links must lead somewhere.
import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { root, run } from "./lib/shell.mjs";

const { code, output } = await run("git", ["ls-files", "-z"], { capture: true });
if (code !== 0) console.log("skipped: this is no git work tree");
const files = code === 0 ? output.split("\0").filter((file) => file && existsSync(root + file)) : [];
const problems = files.flatMap(check);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

function check(file) {
  const text = readFileSync(root + file, "utf8");
  if (text.includes("\0")) return [];
  return [
    ...matches(
      file,
      text,
      /(?<![\w.:/}-])\/(work|root|home|Users)\/\w[^\s"'`)]*/g,
      "an absolute path of a machine",
    ),
    ...(file.endsWith("package-lock.json")
      ? matches(file, text, /"resolved": "https?:[^"]*/g, "the address of a registry")
      : []),
    ...(file.endsWith(".md") ? deadLinks(file, text) : []),
  ];
}

function matches(file, text, pattern, what) {
  return [...text.matchAll(pattern)].map(([found]) => `${file}: ${what}: ${found}`);
}

function deadLinks(file, text) {
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link);
  const paths = links.filter((link) => !/^([a-z]+:|#)/.test(link)).map((link) => link.split("#")[0]);
  const dead = paths.filter((path) => !existsSync(resolve(root, dirname(file), path)));
  return dead.map((path) => `${file}: a link that leads nowhere: ${path}`);
}
