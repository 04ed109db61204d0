// node bench/readme.mjs: writes the table of the last results into the README, between its two marks.
import { readFileSync, writeFileSync } from "node:fs";
import { benches } from "./benches.mjs";

const START = "<!-- figures: node bench/readme.mjs -->";
const END = "<!-- end of figures -->";
const README = new URL("../README.md", import.meta.url);

/** What the README shows, in its words: bench, metric, and what it means. */
const rows = [
  ["chat-1000", "cpu", "busy room: 1,000 clients, all talking; CPU per delivered event"],
  ["chat-1000-others", "cpu", "the same with `socket.to(room)` and acks"],
  ["burst", "cpu", "20 broadcasts in one tick to 1,000; CPU per delivered event"],
  ["fan", "cpu", "one broadcast at a time to 1,000; CPU per delivered event"],
  ["binary", "cpu", "one broadcast of 1 kB binary at a time; CPU per delivered event"],
  ["polling", "cpu", "200 clients on long-polling; CPU per delivered event"],
  ["pace", "p99", "20 messages a second to 1,000; latency, 99th percentile"],
  ["echo-1", "throughput", "acked emits, one in flight; acks per second"],
  ["echo-16", "throughput", "acked emits, 16 in flight; acks per second"],
  ["connect", "opened", "connections opened per second"],
  ["idle", "memory", "resident memory of an idle connection"],
  [
    "kept-chat-1000",
    "cpu",
    "busy room, **kept**: flushed to disk, then delivered (socket.io stores nothing)",
  ],
  ["kept-pace", "p99", "20 messages a second to 1,000, **kept**; latency, 99th percentile"],
];

const results = new Map(benches.map(({ name }) => [name, read(name)]));
const { machine, date } = results.get("chat-1000");
const runs = results.get("chat-1000").servers.holdfast.cpu.runs.length;
const table = [
  "| | socket.io 4.8.4 | Holdfast | |",
  "|---|---:|---:|---:|",
  ...rows.map(([name, metric, what]) => {
    const { servers, metrics } = results.get(name);
    const { unit } = metrics.find(({ key }) => key === metric);
    const [theirs, ours] = [servers.socketio[metric].median, servers.holdfast[metric].median];
    const isRate = unit === "/s";
    const factor = isRate ? ours / theirs : theirs / ours;
    return `| ${what} | ${format(theirs)} ${unit} | ${format(ours)} ${unit} | ${format(factor)} × |`;
  }),
];
// of that day only: a bench may have been left out
const sameDay = [...results.values()].filter(
  (result) => !result.quick && result.date.slice(0, 10) === date.slice(0, 10),
);
const missed = sameDay.flatMap(({ name, goals }) =>
  goals.filter(({ met }) => met === false).map((goal) => describe(name, goal)),
);
const text = [
  `${runs > 1 ? `Medians of ${runs} runs` : "One run"} on ${date.slice(0, 10)}: ${machine.cpu}, ${machine.cores} cores, ${machine.kernel}, Node ${machine.versions.node}; the last column says how many times better.`,
  "",
  ...table,
  "",
  missed.length > 0
    ? `Of the goals we set ourselves, missed in this run: ${missed.join("; ")}.`
    : "All goals that we set ourselves were met in this run.",
].join("\n");

const readme = readFileSync(README, "utf8");
const [head, rest] = readme.split(START);
if (!rest?.includes(END)) throw new Error(`README.md lacks the marks ${START} and ${END}`);
writeFileSync(README, `${head}${START}\n\n${text}\n\n${END}${rest.split(END)[1]}`);

function read(name) {
  return JSON.parse(readFileSync(new URL(`results/${name}.json`, import.meta.url), "utf8"));
}

function describe(name, { metric, against, limit, value, atLeast }) {
  const unit = against ? ` × ${against}` : "";
  return `${name} ${metric} ${format(value)}${unit} (goal ${atLeast ? "≥" : "≤"} ${format(limit)})`;
}

function format(value) {
  if (value >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}
