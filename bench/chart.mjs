// Draws bench/results/*.json as bench/results/chart.svg: a row per bench, a dot per server, on a log scale.
// Alone: node bench/chart.mjs
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { format } from "./lib/table.mjs";

const WIDTH = 880;
const LEFT = 236;
const RIGHT = 96;
const ROW = 34;
const PANEL_HEAD = 62;
const PANEL_GAP = 30;
const HEAD = 92;
const FOOT = 44;
const PLOT = WIDTH - LEFT - RIGHT;

const SERVERS = [
  ["socketio", "socket.io"],
  ["ws", "bare ws"],
  ["bun", "Bun native publish"],
  ["holdfast", "holdfast"],
];

const COST_ROWS = [
  ["chat-1000", "cpu", "chat, 1,000 in a room"],
  ["chat-1000-others", "cpu", "the same, to all others"],
  ["chat-200", "cpu", "chat, 200 in a room"],
  ["burst", "cpu", "20 broadcasts at once"],
  ["fan", "cpu", "one broadcast at a time"],
  ["binary", "cpu", "the same, 1 kB binary"],
  ["polling", "cpu", "chat over long-polling"],
];

const FACTOR_ROWS = [
  ["echo-1", "throughput", "acks per second, 1 in flight", true],
  ["echo-16", "throughput", "acks per second, 16 in flight", true],
  ["connect", "opened", "connections per second", true],
  ["pace", "p50", "latency, median"],
  ["pace", "p99", "latency, 99th percentile"],
  ["idle", "memory", "memory of an idle client"],
  ["rooms", "cpu", "joins, leaves and emits"],
];

/** Reads the results in `folder` and writes `chart.svg` beside them. Benches without a result are left out. */
export function writeChart(folder) {
  const results = new Map();
  for (const [name] of [...COST_ROWS, ...FACTOR_ROWS]) {
    const path = join(folder, `${name}.json`);
    if (existsSync(path)) results.set(name, JSON.parse(readFileSync(path, "utf8")));
  }
  if (results.size) writeFileSync(join(folder, "chart.svg"), draw(results));
}

function draw(results) {
  const costs = rowsOf(COST_ROWS, results, ({ figure }) => figure);
  const factors = rowsOf(FACTOR_ROWS, results, relativeTo("socketio"));
  const parts = [];
  let y = HEAD;
  for (const [rows, options] of [
    [
      costs,
      {
        title: "CPU per delivered event",
        hint: "microseconds, less is better",
        unit: "µs",
        gain: (row) => row.dots.socketio.median / row.dots.holdfast.median,
      },
    ],
    [
      factors,
      {
        title: "Compared with socket.io",
        hint: "times better, more is better",
        unit: "×",
        gain: (row) => row.dots.holdfast.median,
      },
    ],
  ]) {
    if (!rows.length) continue;
    parts.push(panel(rows, y, options));
    y += PANEL_HEAD + rows.length * ROW + PANEL_GAP;
  }
  const height = y + FOOT - PANEL_GAP;
  const { machine, date } = [...results.values()].at(-1);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Benchmarks of holdfast, socket.io, ws and Bun">
<style>${STYLE}</style>
<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="12"/>
<text class="title" x="28" y="38">One Node process, side by side with its peers</text>
${legend()}
${parts.join("\n")}
<text class="foot" x="28" y="${height - 20}">${escapeXml(footer(machine, date))}</text>
</svg>
`;
}

function rowsOf(list, results, readFigure) {
  return list.flatMap(([name, metric, label, higherIsBetter]) => {
    const measured = results.get(name)?.servers;
    if (!measured?.holdfast?.[metric] && !measured?.socketio?.[metric]) return [];
    const dots = {};
    for (const [server] of SERVERS) {
      const figure = measured[server]?.[metric];
      if (figure?.median > 0) dots[server] = readFigure({ figure, measured, metric, higherIsBetter });
    }
    return [{ label, dots }];
  });
}

/** Turns figures into factors: above 1 is better than `base`, whichever way the metric points. */
function relativeTo(base) {
  return ({ figure, measured, metric, higherIsBetter }) => {
    const one = measured[base][metric].median;
    const factor = (value) => (higherIsBetter ? value / one : one / value);
    const [min, max] = [factor(figure.min), factor(figure.max)].sort((a, b) => a - b);
    return { median: factor(figure.median), min, max };
  };
}

function panel(rows, top, { title, hint, unit, gain }) {
  const values = rows.flatMap(({ dots }) => Object.values(dots).flatMap(({ min, max }) => [min, max]));
  const [low, high] = [Math.log10(Math.min(...values)) - 0.18, Math.log10(Math.max(...values)) + 0.18];
  const x = (value) => LEFT + ((Math.log10(value) - low) / (high - low)) * PLOT;
  const first = top + PANEL_HEAD;
  const bottom = first + rows.length * ROW - ROW / 2 + 8;
  const out = [
    `<text class="panel" x="28" y="${top + 20}">${title}</text>`,
    `<text class="hint" x="${LEFT}" y="${top + 20}">${hint}, log scale</text>`,
    `<text class="hint gains" x="${WIDTH - 28}" y="${top + 20}">gain on socket.io</text>`,
  ];
  for (const tick of ticks(low, high)) {
    out.push(
      `<line class="${tick === 1 && unit === "×" ? "one" : "grid"}" x1="${f(x(tick))}" x2="${f(x(tick))}" y1="${first - 18}" y2="${f(bottom)}"/>`,
    );
    out.push(
      `<text class="tick" x="${f(x(tick))}" y="${first - 24}">${format(tick)}${unit === "×" ? " ×" : ""}</text>`,
    );
  }
  rows.forEach((row, i) => {
    out.push(drawRow(row, first + i * ROW + 4, x, gain));
  });
  return out.join("\n");
}

function drawRow({ label, dots }, y, x, gain) {
  const out = [`<text class="label" x="28" y="${y + 4}">${label}</text>`];
  const { holdfast, socketio } = dots;
  if (holdfast && socketio) {
    out.push(
      `<line class="span" x1="${f(x(holdfast.median))}" x2="${f(x(socketio.median))}" y1="${y}" y2="${y}"/>`,
    );
    out.push(`<text class="gain" x="${WIDTH - 28}" y="${y + 5}">${format(gain({ dots }))} ×</text>`);
  }
  for (const [server, name] of SERVERS) {
    const dot = dots[server];
    if (!dot) continue;
    out.push(
      `<line class="range ${server}" x1="${f(x(dot.min))}" x2="${f(x(dot.max))}" y1="${y}" y2="${y}"/>`,
    );
    out.push(
      `<circle class="dot ${server}" cx="${f(x(dot.median))}" cy="${y}" r="${server === "holdfast" ? 7 : 5}"><title>${name}: ${format(dot.median)} (${format(dot.min)} to ${format(dot.max)})</title></circle>`,
    );
  }
  return out.join("\n");
}

// Powers of ten; where they are few, 2 and 5 between them.
function ticks(low, high) {
  const steps = high - low > 2.2 ? [1] : [1, 2, 5];
  const found = [];
  for (let power = Math.floor(low); power <= high; power++) {
    for (const step of steps) {
      const tick = Number((step * 10 ** power).toPrecision(1));
      if (Math.log10(tick) > low && Math.log10(tick) < high) found.push(tick);
    }
  }
  return found;
}

function legend() {
  let x = 28;
  return [...SERVERS]
    .reverse()
    .map(([server, name]) => {
      const at = x;
      x += 34 + name.length * 7.2;
      return `<circle class="dot ${server}" cx="${at + 6}" cy="62" r="${server === "holdfast" ? 7 : 5}"/><text class="legend" x="${at + 19}" y="66.5">${name}</text>`;
    })
    .join("");
}

function footer({ cpu, cores, kernel, versions }, date) {
  const all = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${cpu}, ${cores} cores · ${kernel.replace(/-.*/, "")} · ${all.join(", ")} · ${date.slice(0, 10)} · median, minimum and maximum`;
}

const f = (value) => value.toFixed(1);
const escapeXml = (text) =>
  text.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);

const STYLE = `
text{font-family:ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-size:13px;fill:#3d4653}
.card{fill:#fbfbfa;stroke:#e3e5e8}.title{font-size:18px;font-weight:650;fill:#171b21}.panel{font-size:13.5px;font-weight:650;fill:#171b21}
.hint,.tick,.foot{fill:#707a87;font-size:11.5px}.tick{text-anchor:middle}.legend{font-size:12.5px}.gains{text-anchor:end}
.gain{text-anchor:end;font-weight:650;font-size:14px;fill:#c8420f;font-variant-numeric:tabular-nums}
.grid{stroke:#e9ebee}.one{stroke:#9aa3ae;stroke-dasharray:3 3}.span{stroke:#e9622b;stroke-opacity:.28;stroke-width:4;stroke-linecap:round}
.range{stroke-width:2;stroke-opacity:.55;stroke-linecap:round}.dot{stroke:#fbfbfa;stroke-width:1.5}
circle.holdfast{fill:#e9622b}circle.socketio{fill:#39424e}circle.ws{fill:#4a8fd6}circle.bun{fill:#2fa58b}
line.holdfast{stroke:#e9622b}line.socketio{stroke:#39424e}line.ws{stroke:#4a8fd6}line.bun{stroke:#2fa58b}
@media (prefers-color-scheme:dark){text{fill:#b9c2cd}.card{fill:#14171b;stroke:#2a2f36}.title,.panel{fill:#eef1f4}.hint,.tick,.foot{fill:#8a94a1}
.gain{fill:#ff9466}.grid{stroke:#242930}.one{stroke:#636d79}.dot{stroke:#14171b}circle.socketio{fill:#d5dbe2}line.socketio{stroke:#d5dbe2}}`;

if (argv[1] === fileURLToPath(import.meta.url))
  writeChart(fileURLToPath(new URL("results", import.meta.url)));
