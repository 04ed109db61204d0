import type { JobInfo, JobReport, Queue } from "@holdfast/core";
import { jobKey } from "./job-key.ts";
import type { QueueSocket } from "./queue-socket.ts";

/** After these a job changes no more. A dead letter may be redriven. */
const FINAL = new Set(["done", "expired", "removed"]);

/** The jobs that one socket watches. */
export class Watches {
  readonly #socket: QueueSocket;
  /** What ends each, by queue and id. */
  readonly #ends = new Map<string, () => void>();

  constructor(socket: QueueSocket) {
    this.#socket = socket;
  }

  get size(): number {
    return this.#ends.size;
  }

  has(queue: string, id: string): boolean {
    return this.#ends.has(jobKey(queue, id));
  }

  /**
   * Watches a job, and resolves with its state as of now; undefined if nothing is known of it. What happens meanwhile is
   * told when `opened` is called: behind the answer.
   */
  async add(queue: Queue, id: string): Promise<{ report: JobReport; opened(): void } | undefined> {
    const key = jobKey(queue.name, id);
    let early: JobReport[] | undefined = [];
    const tell = (report: JobReport) => {
      if (FINAL.has(report.state)) this.#end(key, end);
      if (early) early.push(report);
      else this.#tell(report);
    };
    const end = queue.watch(id, tell);
    this.#ends.get(key)?.();
    this.#ends.set(key, end);
    const info = await queue.get(id).catch((error) => {
      this.#end(key, end);
      throw error;
    });
    if (!info || FINAL.has(info.state)) this.#end(key, end);
    if (!info) return undefined;
    const opened = () => {
      if (!FINAL.has(info.state)) for (const report of early ?? []) this.#tell(report);
      early = undefined;
    };
    return { report: reportOf(info), opened };
  }

  remove(queue: string, id: string): void {
    const key = jobKey(queue, id);
    this.#end(key, this.#ends.get(key));
  }

  clear(): void {
    for (const end of this.#ends.values()) end();
    this.#ends.clear();
  }

  #tell(report: JobReport): void {
    const { outbox } = this.#socket;
    // progress goes out of date: whoever is too slow for it gets what comes next
    const isStuck = (this.#socket.conn.transport.pendingBytes ?? 0) > 0 && !outbox.writable;
    if (isStuck && report.state === "running" && report.progress !== undefined) return;
    if (this.#socket.connected) this.#socket._emitUnstored("holdfast:queue:state", report);
  }

  #end(key: string, end: (() => void) | undefined): void {
    end?.();
    if (this.#ends.get(key) === end) this.#ends.delete(key);
  }
}

/** What a client is told of a job: not its data, which may be large and is known to who added it. */
function reportOf({
  id,
  queue,
  state,
  attempt,
  attempts,
  progress,
  result,
  error,
  dueMs,
}: JobInfo): JobReport {
  return {
    id,
    queue,
    state,
    attempt,
    attempts,
    ...(progress === undefined ? {} : { progress }),
    ...(result === undefined ? {} : { result }),
    ...(error === undefined ? {} : { error }),
    ...(dueMs === undefined ? {} : { dueMs }),
  };
}
