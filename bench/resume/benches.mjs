// Clients of ours that resume: what that costs beside stock clients of the same server, and how a large replay fares.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { canPin } from "../lib/machine.mjs";

const run = promisify(execFile);
const IDLE_CLIENTS = 5_000;
const CLIENT_CORE = "1";

/** A script that starts the server on the first core, and prints its figures as JSON. */
async function script(file, ...args) {
  const command = [process.execPath, fileURLToPath(new URL(file, import.meta.url)), ...args];
  if (canPin()) command.unshift("taskset", "-c", CLIENT_CORE);
  const [program, ...rest] = command;
  const { stdout } = await run(program, rest, { maxBuffer: 1e6 });
  return JSON.parse(stdout);
}

/** @param cpuPerDelivered, idleMemory read figures: those of benches.mjs */
export function resumeBenches({ cpuPerDelivered, idleMemory }) {
  const speaking = { resume: 1, stamped: 1 };
  return [
    {
      name: "resume",
      what: "clients that resume beside stock ones of the same server; rooms joined; 1,000,000 missed events",
      servers: ["holdfast"],
      metrics: [
        { key: "keptStock", label: "chat-1000 in a kept room, stock: CPU per delivered event", unit: "µs" },
        { key: "keptResume", label: "the same, resume", unit: "µs" },
        {
          key: "chatStock",
          label: "chat-1000 in a room not kept, stock: CPU per delivered event",
          unit: "µs",
        },
        { key: "chatResume", label: "the same, resume", unit: "µs" },
        { key: "idleStock", label: "idle in a kept room, stock: resident memory per connection", unit: "B" },
        { key: "idleResume", label: "the same, resume", unit: "B" },
        { key: "joinStock", label: "a kept room joined, stock: CPU", unit: "µs" },
        { key: "joinResume", label: "the same, resume", unit: "µs" },
        { key: "joinAgain", label: "the same, from where the client stood, nothing missed", unit: "µs" },
        { key: "replay", label: "1,000,000 missed events to one client: events per second", unit: "/s" },
        { key: "loop99", label: "delay of the event loop meanwhile, 99th percentile", unit: "ms" },
        { key: "loopMax", label: "delay of the event loop meanwhile, longest", unit: "ms" },
        { key: "others99", label: "latency of the others' events meanwhile, 99th percentile", unit: "ms" },
        { key: "calm99", label: "the same without the replay", unit: "ms" },
      ],
      goals: [],
      async measure(context) {
        const chat = async (kind, more) => {
          const load = context.timed({ mode: "chat", clients: 1000, warm: 3, time: 4, ...more });
          return cpuPerDelivered(await context.withServer({ kind }, (server) => server.load(load))).cpu;
        };
        const idle = async (more) => (await idleMemory(context, IDLE_CLIENTS, "resume-idle", more)).memory;
        return {
          keptStock: await chat("resume-kept"),
          keptResume: await chat("resume-kept", speaking),
          chatStock: await chat("resume-chat"),
          chatResume: await chat("resume-chat", speaking),
          idleStock: await idle(),
          idleResume: await idle(speaking),
          ...(await script("rooms.mjs")),
          ...(await script("replay.mjs")),
        };
      },
    },
  ];
}
