import { servers } from "./servers.mjs";

const LABEL_WIDTH = 17;
const CELL_WIDTH = 30;

/** Prints one bench: a row per server, a column per metric as median (min–max), and its goals. */
export function printBench({ name, what, metrics }, measured, goals) {
  console.log(`\n${name}: ${what}`);
  for (const metric of metrics) {
    console.log(`  ${metric.label}`);
    const ours = measured.holdfast?.[metric.key]?.median;
    for (const [server, summary] of Object.entries(measured)) {
      const figure = summary[metric.key];
      if (!figure) continue;
      const range = `${format(figure.median, metric.unit)} (${format(figure.min)}–${format(figure.max)})`;
      const ratio =
        ours !== undefined && server !== "holdfast" && figure.median > 0
          ? `ours ${ratioText(ours / figure.median)}`
          : "";
      console.log(
        `    ${servers[server].label.padEnd(LABEL_WIDTH)}${range.padEnd(CELL_WIDTH)}${ratio}${sharesText(summary, metric, metrics)}`,
      );
    }
  }
  for (const goal of goals) console.log(`  ${goalText(goal)}`);
}

/** Prints all goals of a run in one list. */
export function printGoals(goals) {
  if (!goals.length) return;
  console.log(`\nGoals met: ${goals.filter(({ met }) => met).length} of ${goals.length}`);
  for (const goal of goals) console.log(`  ${goal.bench.padEnd(LABEL_WIDTH + 1)}${goalText(goal)}`);
}

function goalText({ metric, against, self, beside, absolute, limit, atLeast, value, met }) {
  const growth = beside ? `, as a multiple of ${servers[beside].label}` : "";
  const whom = absolute ? "" : ` × ${self ?? servers[against].label}${growth}`;
  const verdict =
    met === null
      ? "not measured"
      : `${met ? "met" : "MISSED"} (${absolute ? format(value) : ratioText(value)})`;
  return `goal: ${metric} ${atLeast ? "≥" : "≤"} ${absolute ? limit : ratioText(limit).replace(" ×", "")}${whom}: ${verdict}`;
}

// The generator must not be what is measured; where it is busier than the server, CPU per event still holds.
function sharesText({ serverShare, loadShare }, metric, metrics) {
  if (!serverShare || metric !== metrics[0]) return "";
  return `   [CPU: server ${percent(serverShare)}, load ${percent(loadShare)}]`;
}

const percent = ({ median }) => `${Math.round(median * 100)}%`;

/** 0.0125 becomes 1/80, 1.55 stays. */
export function ratioText(ratio) {
  return ratio < 0.3 && ratio > 0 ? `1/${format(1 / ratio)} ×` : `${format(ratio)} ×`;
}

/** Three significant digits, thousands grouped. */
export function format(value, unit = "") {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return `${value.toLocaleString("en", { maximumFractionDigits: digits })}${unit ? ` ${unit}` : ""}`;
}
