import type { JobLookup } from "./job-lookup.ts";
import type { JobHandle, JobInfo } from "./types.ts";

/** A job by its id. */
export class StoredJobHandle<Result> implements JobHandle<Result> {
  readonly id: string;
  readonly isNew: boolean;
  readonly #lookup: JobLookup;

  constructor(lookup: JobLookup, id: string, isNew: boolean) {
    this.#lookup = lookup;
    this.id = id;
    this.isNew = isNew;
  }

  get queue(): string {
    return this.#lookup.queue;
  }

  done(): Promise<Result> {
    return this.#lookup.done(this.id) as Promise<Result>;
  }

  info(): Promise<JobInfo<unknown, Result> | undefined> {
    return this.#lookup.get(this.id) as Promise<JobInfo<unknown, Result> | undefined>;
  }
}
