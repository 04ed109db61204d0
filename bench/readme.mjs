// node bench/readme.mjs: writes the table of the last results into the README, between its two marks.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
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

/** The same beside BullMQ. */
const queueRows = [
  ["ownAdd1000", "in one process: jobs added per second, 1,000 under way"],
  ["ownAddMany", "the same, 1,000 per call"],
  ["ownDone1000", "in one process: jobs done per second, 1,000 at once"],
  ["netAdd1000", "over sockets: jobs added per second, 1,000 under way"],
  ["netDone1000", "over sockets: jobs done per second, 1,000 at once"],
  ["ownStart50", "in one process: from add to start on an idle queue, median"],
  ["netStart50", "over sockets: the same"],
  ["ownCycleMany", "jobs done and replaced per second, 1,000,000 waiting (BullMQ: 100,000)"],
];

const results = new Map(benches.map(({ name }) => [name, read(name)]).filter(([, result]) => result));
const { machine, date } = results.get("chat-1000");
const counts = rows.map(([name, metric]) => results.get(name).servers.holdfast[metric].runs.length);
const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
const runs = most === 1 ? "One run" : `Medians of ${fewest === most ? most : `${fewest} to ${most}`} runs`;
const table = [
  "| | socket.io 4.8.4 | Holdfast | |",
  "|---|---:|---:|---:|",
  ...rows.map(([name, metric, what]) => row(name, "socketio", metric, what)),
];
const queues = results.get("queues");
if (queues) {
  const { bullmq, redis } = queues.machine.versions;
  table.push(
    "",
    `Jobs, beside BullMQ on Redis with \`appendfsync always\` ([how](bench/README.md#jobs)), on ${queues.date.slice(0, 10)}:`,
    "",
    `| | BullMQ ${bullmq}, Redis ${redis} | Holdfast | |`,
    "|---|---:|---:|---:|",
    ...queueRows.map(([metric, what]) => row("queues", "bullmq", metric, what)),
  );
}
// of that day only: a bench may have been left out
const sameDay = [...results.values()].filter(
  (result) => !result.quick && result.date.slice(0, 10) === date.slice(0, 10),
);
const missed = sameDay.flatMap(({ name, goals }) =>
  goals.filter(({ met }) => met === false).map((goal) => describe(name, goal)),
);
const text = [
  `${runs} on ${date.slice(0, 10)}: ${machine.cpu}, ${machine.cores} cores, ${machine.kernel}, Node ${machine.versions.node}; the last column says how many times better.`,
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

function row(name, peer, metric, what) {
  const { servers, metrics } = results.get(name);
  const { unit } = metrics.find(({ key }) => key === metric);
  const [theirs, ours] = [servers[peer][metric].median, servers.holdfast[metric].median];
  const isRate = unit === "/s";
  const factor = isRate ? ours / theirs : theirs / ours;
  return `| ${what} | ${format(theirs)} ${unit} | ${format(ours)} ${unit} | ${format(factor)} × |`;
}

/** Undefined for what has not been run. */
function read(name) {
  const file = new URL(`results/${name}.json`, import.meta.url);
  if (!existsSync(file)) return undefined;
  return JSON.parse(readFileSync(file, "utf8"));
}

function describe(name, { metric, against, limit, value, atLeast }) {
  const unit = against ? ` × ${against}` : "";
  return `${name} ${metric} ${format(value)}${unit} (goal ${atLeast ? "≥" : "≤"} ${format(limit)})`;
}

function format(value) {
  if (value >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}
