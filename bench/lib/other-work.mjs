// How busy the machine was with work that is none of ours: what disturbs a measurement.
import { readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100;

/** CPU seconds since boot of all processes (and of the hypervisor's others), and the time now. */
export function machineCpu() {
  const [, user, nice, system, , , , , steal = 0] = readFileSync("/proc/stat", "utf8")
    .split("\n", 1)[0]
    .split(/\s+/);
  return { seconds: (+user + +nice + +system + +steal) / TICKS_PER_SECOND, at: performance.now() / 1000 };
}

/** CPU seconds that a process has used with all its threads. */
export function processCpu(pid) {
  const afterName = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1).split(" ");
  return (Number(afterName[11]) + Number(afterName[12])) / TICKS_PER_SECOND;
}

/** The share of one core that went elsewhere since `start`, when `ours` seconds were spent on the measurement. */
export function otherShare(start, ours) {
  const end = machineCpu();
  return Math.max(0, end.seconds - start.seconds - ours) / (end.at - start.at);
}
