import type { Attempts } from "./attempts.ts";
import { decodeBody } from "./body.ts";
import type { QueueContext } from "./context.ts";
import { finishError } from "./failure.ts";
import {
  decodeFinished,
  decodeId,
  decodeJob,
  type FinishedJob,
  jobId,
  type StoredJob,
} from "./job-record.ts";
import { KIND, type Place, placeInId } from "./keys.ts";
import { QueueError } from "./queue-error.ts";
import type { JobInfo, JobReport } from "./types.ts";

/** Where a job is, and what is known of it. */
export type Found =
  | { readonly state: "running" | "waiting" | "delayed"; readonly job: StoredJob }
  | { readonly state: "done" | "expired"; readonly finished: FinishedJob }
  | { readonly state: "dead"; readonly job: StoredJob; readonly finished: FinishedJob };

/** Finds jobs by their ids, in whatever state they are. */
export class JobLookup {
  readonly #context: QueueContext;
  readonly #attempts: Attempts;
  readonly #waiting = new Set<(error: QueueError) => void>();

  constructor(context: QueueContext, attempts: Attempts) {
    this.#context = context;
    this.#attempts = attempts;
  }

  get queue(): string {
    return this.#context.name;
  }

  async place(id: string): Promise<Place | undefined> {
    if (typeof id !== "string") throw new QueueError("QUEUE_INVALID", "A job's id is text");
    if (id.startsWith("~")) return placeInId(id);
    if (id.length === 0 || id.length > 256) return undefined;
    const record = await this.#context.store.get(KIND.id, this.#context.keys.name(id));
    return record && decodeId(record.value);
  }

  async find(id: string): Promise<Found | undefined> {
    const place = await this.place(id);
    const found = place && (await this.at(place));
    // The place of a job that has an id of its own is no id of it.
    return found && idOfFound(found) === id ? found : undefined;
  }

  async at(place: Place): Promise<Found | undefined> {
    const { store, keys } = this.#context;
    const { seq } = place;
    // Twice: it may move from where we have yet to look to where we have looked.
    for (let round = 0; round < 2; round++) {
      const attempt = this.#attempts.bySeq.get(seq);
      if (attempt) {
        const isBegun = attempt.state !== "beginning";
        return { state: isBegun ? "running" : "waiting", job: isBegun ? attempt.job : attempt.before };
      }
      const waiting = await store.get(KIND.ready, keys.ready(place));
      if (waiting) return { state: "waiting", job: decodeJob(seq, waiting.value) };
      const parked = await store.get(KIND.parked, keys.seq(seq));
      if (parked) return { state: "delayed", job: decodeJob(seq, parked.value) };
      const record = await store.get(KIND.finished, keys.seq(seq));
      if (!record) continue;
      const finished = decodeFinished(seq, record.value);
      if (finished.state !== "dead") return { state: finished.state, finished };
      const dead = await store.get(KIND.dead, finished.deadKey!);
      if (dead) return { state: "dead", job: decodeJob(seq, dead.value), finished };
    }
    return undefined;
  }

  async get(id: string): Promise<JobInfo | undefined> {
    await this.#context.opened;
    const found = await this.find(id);
    if (!found) return undefined;
    const { state } = found;
    const known = "job" in found ? found.job : found.finished;
    const { priority, attempt, attempts, addedMs } = known;
    const common = { id, queue: this.queue, state, priority, attempt, attempts, addedMs };
    if (!("job" in found)) {
      const { finishedMs, result } = found.finished;
      return {
        ...common,
        data: undefined,
        finishedMs,
        ...(state === "done" && { result: decodeBody(result) }),
      };
    }
    const { job } = found;
    const progress = state === "running" ? this.#attempts.bySeq.get(job.seq)?.progress : undefined;
    return {
      ...common,
      data: decodeBody(job.body),
      ...(state === "delayed" && { dueMs: job.dueMs }),
      ...(job.error && { error: job.error }),
      ...(progress !== undefined && { progress }),
      ...("finished" in found && { finishedMs: found.finished.finishedMs }),
    };
  }

  /** The result, once there is one. */
  done(id: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const settle = ({ state, result, error }: Pick<JobReport, "state" | "result" | "error">) => {
        if (state === "waiting" || state === "delayed" || state === "running") return;
        end();
        if (state === "done") resolve(result);
        else reject(finishError({ id, state, error }));
      };
      const fail = (error: unknown) => {
        end();
        reject(error);
      };
      // Watched before it is looked at: it may be done in between.
      const unwatch = this.#context.watchers.add(id, settle);
      this.#waiting.add(fail);
      const end = () => {
        unwatch();
        this.#waiting.delete(fail);
      };
      const finding = this.#context.opened.then(() => this.find(id));
      finding.then((found) => {
        if (!found) fail(new QueueError("JOB_UNKNOWN", `Nothing is known of job ${id}`));
        else if (found.state === "done") settle({ state: "done", result: decodeBody(found.finished.result) });
        else settle({ state: found.state, error: "job" in found ? found.job.error : undefined });
      }, fail);
    });
  }

  /** Nobody will hear of a result any more. */
  close(error: QueueError): void {
    for (const fail of [...this.#waiting]) fail(error);
  }
}

function idOfFound(found: Found): string {
  return jobId("job" in found ? found.job : found.finished);
}
