// Clients of ours that resume: what that costs beside stock clients of the same server, and how a large replay fares.
import { bytes, ms, perSecond, us } from "../lib/metrics.mjs";
import { figuresOf } from "../lib/processes.mjs";
import { cpuPerDelivered, idleMemory } from "../lib/readings.mjs";

const IDLE_CLIENTS = 5_000;
const CLIENT_CORE = "1";

/** A script that starts the server on the first core. */
const script = (file) => figuresOf(new URL(file, import.meta.url), [], CLIENT_CORE);
const speaking = { resume: 1, stamped: 1 };

export const resumeBenches = [
  {
    name: "resume",
    what: "clients that resume beside stock ones of the same server; rooms joined; 1,000,000 missed events",
    servers: ["holdfast"],
    metrics: [
      us("keptStock", "chat-1000 in a kept room, stock: CPU per delivered event"),
      us("keptResume", "the same, resume"),
      us("chatStock", "chat-1000 in a room not kept, stock: CPU per delivered event"),
      us("chatResume", "the same, resume"),
      bytes("idleStock", "idle in a kept room, stock: resident memory per connection"),
      bytes("idleResume", "the same, resume"),
      us("joinStock", "a kept room joined, stock: CPU"),
      us("joinResume", "the same, resume"),
      us("joinAgain", "the same, from where the client stood, nothing missed"),
      perSecond("replay", "1,000,000 missed events to one client: events per second"),
      ms("loop99", "delay of the event loop meanwhile, 99th percentile"),
      ms("loopMax", "delay of the event loop meanwhile, longest"),
      ms("others99", "latency of the others' events meanwhile, 99th percentile"),
      ms("calm99", "the same without the replay"),
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
