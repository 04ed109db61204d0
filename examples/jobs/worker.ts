/** A worker: a process that asks the server for tasks and does them, one at a time. `crew.ts` starts it. */
import { setTimeout as sleep } from "node:timers/promises";
import { io } from "holdfast-client";
import type { Task, TaskResult } from "./events.ts";

const [url, name] = process.argv.slice(2) as [string, string];
const steps = 20;

const socket = io(url, { auth: { name, token: process.env.JOBS_TOKEN } });

socket.work<Task, TaskResult>("tasks", { prefetch: 1, onError: report }, async (job) => {
  const { title, seconds, trouble } = job.data;
  const start = Date.now();
  socket.emit("busy", title);
  try {
    for (let step = 1; step <= steps; step++) {
      // aborted when somebody else has the task now: then there is no use in going on
      await sleep((seconds * 1000) / steps, undefined, { signal: job.signal });
      job.progress(step / steps);
      if (step < steps * 0.6) continue;
      if (trouble === "crash") process.kill(process.pid, "SIGKILL");
      if (trouble === "always" || (trouble === "once" && job.attempt === 1)) {
        throw new Error("The paper got stuck.");
      }
    }
    return { by: name, tookMs: Date.now() - start };
  } finally {
    socket.emit("busy", null);
  }
});

function report(error: Error): void {
  console.error(`${name}: ${error.message}`);
}

// whoever started us is gone
process.on("disconnect", () => process.exit());
