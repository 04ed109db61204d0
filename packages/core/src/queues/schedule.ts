import { Cron } from "croner";
import { QUEUE_LIMITS, TIME_MAX_MS, whole } from "./options.ts";
import { QueueError } from "./queue-error.ts";
import type { Schedule } from "./types.ts";

/** The same again, checked. Throws `QUEUE_INVALID`. */
export function checkSchedule(schedule: Schedule): Schedule {
  if (typeof schedule !== "object" || schedule === null) throw invalid();
  if ("everyMs" in schedule) return { everyMs: whole("everyMs", schedule.everyMs, 10, TIME_MAX_MS) };
  const { cron, tz = "UTC" } = schedule;
  if (typeof cron !== "string" || typeof tz !== "string" || cron.length > QUEUE_LIMITS.idBytesMax) {
    throw invalid();
  }
  const checked = { cron, tz };
  try {
    // An unknown time zone shows only when a time is asked for.
    parse(checked).nextRun();
  } catch (error) {
    throw new QueueError("QUEUE_INVALID", `"${cron}" in ${tz} cannot be understood`, error);
  }
  return checked;
}

/** The first tick after `afterMs`; undefined: never. Intervals are counted from `lastMs`, a tick or the beginning. */
export function nextTick(schedule: Schedule, lastMs: number, afterMs: number): number | undefined {
  if ("cron" in schedule) return parse(schedule).nextRun(new Date(afterMs))?.getTime();
  const { everyMs } = schedule;
  const nextMs = lastMs + Math.max(1, Math.floor((afterMs - lastMs) / everyMs) + 1) * everyMs;
  return nextMs > TIME_MAX_MS ? undefined : nextMs;
}

function invalid(): QueueError {
  return new QueueError("QUEUE_INVALID", "A schedule is { everyMs } or { cron, tz }");
}

function parse({ cron, tz = "UTC" }: Exclude<Schedule, { everyMs: number }>): Cron {
  return new Cron(cron, { timezone: tz, mode: "5-or-6-parts" });
}
