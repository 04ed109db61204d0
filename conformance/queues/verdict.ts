import { Server } from "holdfast";
import { type Entry, POISON_ATTEMPTS, QUEUES } from "./plan.ts";

export interface QueueCounts {
  readonly added: number;
  /** Recorded as done in the store. */
  readonly done: number;
  /** Poisoned jobs among the dead letters, of all. */
  readonly dead: string;
  /** Handlers that began. */
  readonly started: number;
  /** Results that workers were told are recorded. */
  readonly recorded: number;
  /** Added, and not done. */
  readonly lost: number;
  /** Done, and nobody ever began them. */
  readonly unstarted: number;
  /** Told to be recorded, and the store says otherwise; or two of one job. */
  readonly contradicted: number;
  /** Two handlers began the same attempt, or one that is past the last. */
  readonly miscounted: number;
  /** Began after their completion had been acknowledged. */
  readonly again: number;
}

/** Holds what the workers noted against the store. */
export async function judge(
  store: string,
  jobs: number,
  poisonJobs: number,
  entries: readonly Entry[],
): Promise<QueueCounts> {
  const io = new Server({ store });
  await io.ready;
  const [work, poison] = ["work", "poison"].map((name) => io.queue(name, QUEUES[name]!)) as [
    ReturnType<Server["queue"]>,
    ReturnType<Server["queue"]>,
  ];
  const starts = new Map<string, number[]>();
  const results = new Map<string, Set<string>>();
  let miscounted = 0;
  let again = 0;
  for (const [kind, queue, id, detail] of entries) {
    const key = `${queue} ${id}`;
    if (kind === "start") {
      const attempts = starts.get(key) ?? [];
      if (attempts.includes(detail)) miscounted++;
      starts.set(key, [...attempts, detail]);
    } else results.set(key, new Set(results.get(key)).add(detail));
  }
  const recordedAt = new Map<string, number>();
  for (const [kind, queue, id, , at] of entries)
    if (kind === "recorded") recordedAt.set(`${queue} ${id}`, at);
  for (const [kind, queue, id, , at] of entries) {
    if (kind === "start" && at > (recordedAt.get(`${queue} ${id}`) ?? Infinity)) again++;
  }

  let lost = 0;
  let done = 0;
  let unstarted = 0;
  let contradicted = 0;
  for (let n = 0; n < jobs; n++) {
    const id = `job-${n}`;
    const info = await work.get(id);
    const told = results.get(`work ${id}`) ?? new Set();
    if (info?.state === "done") done++;
    else lost++;
    if (!starts.has(`work ${id}`)) unstarted++;
    if (told.size > 1 || (told.size === 1 && !told.has(info?.result as string))) contradicted++;
    if (info && Math.max(0, ...(starts.get(`work ${id}`) ?? [])) > info.attempt) miscounted++;
  }
  const letters = await poison.deadLetters({ limit: 1_000 });
  for (const { id, attempt } of letters) {
    const attempts = starts.get(`poison ${id}`) ?? [];
    if (attempt !== POISON_ATTEMPTS || attempts.some((each) => each > POISON_ATTEMPTS)) miscounted++;
  }
  await io.close();
  return {
    added: jobs,
    done,
    dead: `${letters.length}/${poisonJobs}`,
    started: [...starts.values()].reduce((sum, { length }) => sum + length, 0),
    recorded: [...results.values()].reduce((sum, { size }) => sum + size, 0),
    lost: lost + poisonJobs - letters.length,
    unstarted,
    contradicted,
    miscounted,
    again,
  };
}
