import type { Operation } from "../store/index.ts";
import type { Attempt } from "./attempt.ts";
import type { Attempts } from "./attempts.ts";
import type { QueueContext } from "./context.ts";
import { tell } from "./context.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { type Draft, draftJob, hashesOf, type Sequence, toAddDraft } from "./draft.ts";
import { type Claim, IdClaims, idConflict } from "./id-claims.ts";
import { StoredJobHandle } from "./job-handle.ts";
import type { JobLookup } from "./job-lookup.ts";
import { jobId, type StoredJob } from "./job-record.ts";
import { KIND } from "./keys.ts";
import { QUEUE_LIMITS } from "./options.ts";
import { QueueError } from "./queue-error.ts";
import type { AddOptions, JobHandle, JobToAdd, PreparedAdd } from "./types.ts";

/** A job on its way to disk. */
interface Issued {
  readonly job: StoredJob;
  readonly key: string;
  /** Its first attempt, if that is part of the same commit. */
  readonly attempt: Attempt | undefined;
}

/** A job that is added by itself. */
interface Single {
  readonly draft: Draft;
  /** Of its id, if it has one of its own. */
  readonly claim: Claim | undefined;
  resolve(handle: JobHandle): void;
  reject(error: unknown): void;
}

/** Adds jobs, each id once. */
export class Adder {
  readonly #context: QueueContext;
  readonly #attempts: Attempts;
  readonly #dispatcher: Dispatcher;
  readonly #lookup: JobLookup;
  readonly #sequence: Sequence;
  readonly #ids: IdClaims;
  /** With ids of their own, added in this tick. */
  readonly #named: (Single & { readonly claim: Claim })[] = [];
  /** Prepared, and not issued yet. */
  #prepared = 0;
  /** Being written, and to wait for their turn afterwards. */
  #expected = 0;

  constructor(
    context: QueueContext,
    attempts: Attempts,
    dispatcher: Dispatcher,
    lookup: JobLookup,
    sequence: Sequence,
  ) {
    this.#context = context;
    this.#attempts = attempts;
    this.#dispatcher = dispatcher;
    this.#lookup = lookup;
    this.#sequence = sequence;
    this.#ids = new IdClaims(context);
  }

  /** Throws what a bad argument deserves. */
  add(data: unknown, options: AddOptions): Promise<JobHandle> {
    const draft = this.#draft(data, options);
    const id = draft.job.givenId;
    const claim = id === undefined ? undefined : this.#ids.tryClaim(id, draft.hash);
    // behind whoever adds the same
    if (id !== undefined && !claim) return this.#addAll([draft]).then(([handle]) => handle!);
    if (!claim) this.#checkRoom(1);
    return new Promise((resolve, reject) => {
      if (!claim) this.#put({ draft, claim, resolve, reject });
      else if (this.#named.push({ draft, claim, resolve, reject }) === 1)
        queueMicrotask(() => this.#addNamed());
    });
  }

  async addMany(jobs: readonly JobToAdd[]): Promise<JobHandle[]> {
    if (!Array.isArray(jobs) || jobs.length > QUEUE_LIMITS.addManyMax) {
      throw new QueueError(
        "QUEUE_INVALID",
        `addMany takes a list of at most ${QUEUE_LIMITS.addManyMax} jobs`,
      );
    }
    const isJob = (job: unknown): boolean => typeof job === "object" && job !== null && "data" in job;
    // data by itself would be a job without any
    if (!jobs.every(isJob))
      throw new QueueError("QUEUE_INVALID", "each job of addMany is { data, ...options }");
    return this.#addAll(jobs.map((job) => this.#draft(job.data, job)));
  }

  /** Adds a job, and writes these operations in the same commit. */
  async addWith(data: unknown, options: AddOptions, operations: readonly Operation[]): Promise<void> {
    const draft = this.#draft(data, options);
    this.#checkRoom(1);
    await this.#write([draft], operations);
  }

  /** @param owner see {@link IdClaims.claim} */
  async prepare(data: unknown, options: AddOptions, owner?: object): Promise<PreparedAdd> {
    const draft = this.#draft(data, options);
    const { job } = draft;
    const id = jobId(job);
    const { givenId } = job;
    const claim = givenId === undefined ? undefined : await this.#ids.claim(givenId, draft.hash, owner);
    if (claim && "isTaken" in claim) return new Present(new StoredJobHandle(this.#lookup, id, false));
    try {
      await this.#sequence.reserved();
      this.#checkRoom(1);
      this.#prepared++;
    } catch (error) {
      claim?.release();
      throw error;
    }
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      this.#prepared--;
    };
    const { operations, change } = toAddDraft(this.#context.keys, draft);
    const { keys, journal } = this.#context;
    return {
      id,
      isNew: true,
      operations,
      preconditions:
        job.givenId === undefined ? [] : [{ kind: KIND.id, key: keys.name(job.givenId), version: 0 }],
      issued: (receipt) => {
        if (isOver) return Promise.reject(new QueueError("QUEUE_INVALID", "It was issued or dropped before"));
        end();
        const issued = this.#expect(job);
        return new Promise((resolve, reject) => {
          journal.follow(receipt, change, (error) => {
            claim?.release();
            if (error) reject(this.#failed(issued, error));
            else resolve(this.#added(issued));
          });
        });
      },
      dropped: () => {
        end();
        claim?.release();
      },
    };
  }

  /** Adds those whose ids are claimed: one look at the store for all of a tick. */
  async #addNamed(): Promise<void> {
    const named = this.#named.splice(0);
    const stored = await this.#ids.stored(named.map(({ claim }) => claim)).catch((error: Error) => error);
    for (const [at, single] of named.entries()) {
      const { draft, claim, resolve, reject } = single;
      try {
        if (stored instanceof Error) throw stored;
        const hash = stored[at];
        if (hash === undefined) {
          this.#checkRoom(1);
          this.#put(single);
          continue;
        }
        if (hash !== draft.hash) throw idConflict(claim.id);
        resolve(new StoredJobHandle(this.#lookup, claim.id, false));
      } catch (error) {
        reject(error);
      }
      claim.release();
    }
  }

  #put({ draft, claim, resolve, reject }: Single): void {
    const { operations, change } = toAddDraft(this.#context.keys, draft);
    let issued: Issued | undefined;
    this.#context.journal.write(operations, change, (error) => {
      claim?.release();
      if (error) reject(this.#failed(issued!, error));
      else resolve(this.#added(issued!));
    });
    issued = this.#issue(draft.job);
  }

  async #addAll(drafts: readonly Draft[]): Promise<JobHandle[]> {
    const claims = await this.#ids.claimAll(hashesOf(drafts));
    try {
      const seen = new Set(claims.taken);
      const fresh = drafts.filter(({ job: { givenId } }) => {
        if (givenId === undefined) return true;
        const isNew = !seen.has(givenId);
        seen.add(givenId);
        return isNew;
      });
      this.#checkRoom(fresh.length);
      const added = new Map(await this.#write(fresh));
      return drafts.map(
        ({ job }) => added.get(job.seq) ?? new StoredJobHandle(this.#lookup, jobId(job), false),
      );
    } finally {
      claims.release();
    }
  }

  async #write(
    fresh: readonly Draft[],
    more: readonly Operation[] = [],
  ): Promise<[seq: number, handle: JobHandle][]> {
    if (fresh.length === 0) return [];
    const operations: Operation[] = [];
    const change = { ready: 0, parked: 0 };
    for (const draft of fresh) {
      const transition = toAddDraft(this.#context.keys, draft);
      for (const operation of transition.operations) operations.push(operation);
      change.ready += transition.change.ready ?? 0;
      change.parked += transition.change.parked ?? 0;
    }
    for (const operation of more) operations.push(operation);
    let issued: Issued[] = [];
    let handles: [number, JobHandle][] = [];
    const written = this.#context.journal.put(operations, change, (error) => {
      if (error) for (const each of issued) this.#failed(each, error);
      else handles = issued.map((each) => [each.job.seq, this.#added(each)]);
    });
    issued = fresh.map(({ job }) => this.#issue(job));
    await written;
    return handles;
  }

  #draft(data: unknown, options: AddOptions): Draft {
    return draftJob(this.#context, this.#sequence, data, options);
  }

  #checkRoom(count: number): void {
    const { journal, options } = this.#context;
    const { ready, parked } = journal.written;
    // After a restart with a lower limit there may be more already.
    if (count === 0 || ready + parked + this.#prepared + count <= options.lengthMax) return;
    throw new QueueError("QUEUE_FULL", `The queue holds ${options.lengthMax} jobs`);
  }

  /** It is being written by the journal: if somebody is free for it, it begins with the same flush. */
  #issue(job: StoredJob): Issued {
    const key = this.#context.keys.ready(job);
    const isNext = job.dueMs === 0 && this.#expected === 0;
    const attempt = isNext ? this.#dispatcher.beginEarly({ key, job }) : undefined;
    if (!attempt) return this.#expect(job, key);
    this.#context.ready.expect(key);
    return { job, key, attempt };
  }

  #expect(job: StoredJob, key = this.#context.keys.ready(job)): Issued {
    if (job.dueMs === 0) {
      this.#context.ready.expect(key);
      this.#expected++;
    }
    return { job, key, attempt: undefined };
  }

  #failed({ job, key, attempt }: Issued, error: Error): Error {
    if (attempt) this.#attempts.neverBegan(attempt);
    else if (job.dueMs === 0) this.#expected--;
    this.#context.ready.gone(key);
    this.#context.changed();
    return error;
  }

  /** It is flushed. */
  #added({ job, key, attempt }: Issued): JobHandle {
    const { ready, due, expiry, dispatch } = this.#context;
    if (job.expiresAtMs > 0) expiry.note(job.expiresAtMs);
    const id = jobId(job);
    if (this.#context.watchers.has(id)) tell(this.#context, job, job.dueMs > 0 ? "delayed" : "waiting");
    if (attempt) this.#attempts.begun(attempt);
    else if (job.dueMs > 0) due.note(job.dueMs);
    else {
      this.#expected--;
      ready.add({ key, job });
      dispatch();
    }
    return new StoredJobHandle(this.#lookup, id, true);
  }
}

/** A prepared add of a job that is there already: nothing to commit. */
class Present implements PreparedAdd {
  readonly operations = [];
  readonly preconditions = [];
  readonly isNew = false;
  readonly id: string;
  readonly #handle: JobHandle;

  constructor(handle: JobHandle) {
    this.id = handle.id;
    this.#handle = handle;
  }

  async issued(receipt: { durable(): Promise<unknown> }): Promise<JobHandle> {
    await receipt.durable();
    return this.#handle;
  }

  dropped(): void {}
}
