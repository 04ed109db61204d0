import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const TOP = 25;

/** The functions that took most time by themselves, from the newest profile in a folder. */
export function topFunctions(folder) {
  const newest = readdirSync(folder)
    .filter((file) => file.endsWith(".cpuprofile"))
    .sort()
    .at(-1);
  if (!newest) return [];
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(join(folder, newest), "utf8"));
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const selfUs = new Map();
  let totalUs = 0;
  samples.forEach((id, i) => {
    const name = names.get(id);
    if (name === "(idle)") return;
    totalUs += timeDeltas[i];
    selfUs.set(name, (selfUs.get(name) ?? 0) + timeDeltas[i]);
  });
  return [...selfUs]
    .sort((a, b) => b[1] - a[1])
    .slice(0, TOP)
    .map(([name, us]) => ({ name, share: us / totalUs }));
}

function nameOf({ functionName, url, lineNumber }) {
  const file = url.split("/").slice(-2).join("/");
  return `${functionName || "(anonymous)"}${file ? ` ${file}:${lineNumber + 1}` : ""}`;
}
