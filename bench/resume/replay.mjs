// A client of ours that missed 1,000,000 events, while others chat: node replay.mjs; prints JSON.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { io } from "holdfast-client";
import { start } from "./start.mjs";

const EVENTS = 1_000_000;
const CALM_MS = 3_000;
const server = await start();
const texts = new Map();
const storage = { getItem: (key) => texts.get(key), setItem: (key, text) => texts.set(key, text) };
const options = { forceNew: true, transports: ["websocket"], resume: { storage }, auth: { room: "big" } };

const first = io(server.url, options);
while (!first.recovery.positions?.has("big")) await new Promise((resolve) => setTimeout(resolve, 10));
first.disconnect();
await server.ask(`fill ${EVENTS}`);

// in a process of their own: this one has its hands full
const path = fileURLToPath(new URL("others.mjs", import.meta.url));
const others = spawn(process.execPath, [path, server.url], { stdio: ["pipe", "pipe", "inherit"] });
const lines = createInterface({ input: others.stdout });
await once(lines, "line");
const latency = async () => {
  others.stdin.write("\n");
  const [line] = await once(lines, "line");
  return JSON.parse(line);
};
await latency();
await new Promise((resolve) => setTimeout(resolve, CALM_MS));
const calm99 = await latency();

await server.ask("watch");
const began = performance.now();
let last = 0;
let isInOrder = true;
const reader = io(server.url, options);
reader.on("event", (n) => {
  if (n !== last + 1) isInOrder = false;
  last = n;
});
await new Promise((resolve) => reader.recovery.once("replayed", resolve));
const seconds = (performance.now() - began) / 1000;
if (last !== EVENTS || !isInOrder) throw new Error(`the replay ended with ${last}, or not in order`);
const others99 = await latency();
const { loop99, loopMax } = await server.ask("delay");
others.kill();
reader.disconnect();
await server.stop();
console.log(JSON.stringify({ replay: EVENTS / seconds, loop99, loopMax, others99, calm99 }));
process.exit();
