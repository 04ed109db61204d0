import type { Clock } from "../log/clock.ts";
import type { Store } from "../store/index.ts";
import { Adder } from "./adder.ts";
import { Attempts } from "./attempts.ts";
import type { QueueContext } from "./context.ts";
import { DeadLetters } from "./dead-letters.ts";
import { Dispatcher } from "./dispatcher.ts";
import { FinishedJobs } from "./finished-jobs.ts";
import { StoredJobHandle } from "./job-handle.ts";
import { JobLookup } from "./job-lookup.ts";
import { Journal } from "./journal.ts";
import { KIND, QueueKeys } from "./keys.ts";
import { LeaseLog } from "./lease-log.ts";
import { LocalWorker } from "./local-worker.ts";
import { Moves } from "./moves.ts";
import { QUEUE_LIMITS, whole } from "./options.ts";
import { QueueError } from "./queue-error.ts";
import { QueueHead, type QueueRecord } from "./queue-head.ts";
import { ReadyJobs } from "./ready-jobs.ts";
import { RemoteConsumer } from "./remote-consumer.ts";
import { Repeats } from "./repeats.ts";
import { restoreAttempts } from "./restore.ts";
import { Settlements } from "./settlements.ts";
import { Takers } from "./takers.ts";
import { TimeIndex } from "./time-index.ts";
import type {
  AddOptions,
  Consumer,
  ConsumerOptions,
  DeadLetter,
  DeadLetterQuery,
  Handler,
  JobHandle,
  JobInfo,
  JobReport,
  JobToAdd,
  PreparedAdd,
  Queue,
  QueueCounts,
  RepeatInfo,
  RepeatOptions,
  ResolvedQueueOptions,
  Schedule,
  Worker,
  WorkOptions,
} from "./types.ts";
import { WaitingJobs } from "./waiting-jobs.ts";
import { Watchers } from "./watchers.ts";

export interface StoredQueueOptions {
  readonly name: string;
  readonly options: ResolvedQueueOptions;
  readonly store: Store;
  readonly clock: Clock;
  /** Its record, once the store is open. */
  readonly record: Promise<QueueRecord>;
  random(): number;
  onError(error: unknown): void;
}

/** A queue: what its parts do, under one roof. */
export class StoredQueue implements Queue {
  readonly name: string;
  readonly options: ResolvedQueueOptions;
  readonly opened: Promise<void>;
  readonly keys = new QueueKeys();
  readonly #context: QueueContext;
  readonly #head: QueueHead;
  readonly #takers = new Takers();
  readonly #finished: FinishedJobs;
  readonly #leases: LeaseLog;
  readonly #attempts: Attempts;
  readonly #lookup: JobLookup;
  readonly #waiting: WaitingJobs;
  readonly #dispatcher: Dispatcher;
  readonly #adder: Adder;
  readonly #deadLetters: DeadLetters;
  readonly #repeats: Repeats;
  readonly #settlements = new Settlements();
  readonly #drains = new Set<{ resolve(): void; reject(error: QueueError): void }>();
  #isOpen = false;
  #isClosed = false;
  #closing: Promise<void> | undefined;

  constructor({ name, options, store, clock, record, random, onError: report }: StoredQueueOptions) {
    this.name = name;
    this.options = options;
    const { keys } = this;
    const onError = (error: unknown) => {
      if (!this.#isClosed) report(error);
    };
    const dispatch = () => this.#dispatcher.run();
    const isClosing = () => this.#closing !== undefined;
    const onRead = () => {
      dispatch();
      this.#changed();
    };
    const journal = new Journal(store, () => [this.#head.seal(), ...leases.seal(), ...finished.seal()]);
    this.#head = new QueueHead(name, journal);
    const index = { store, clock, keys, onError };
    const context: QueueContext = {
      name,
      options,
      store,
      clock,
      keys,
      journal,
      ready: new ReadyJobs(store, keys, onRead, onError),
      due: new TimeIndex({ ...index, kind: KIND.due, onDue: (records) => this.#waiting.promote(records) }),
      expiry: new TimeIndex({
        ...index,
        kind: KIND.expiry,
        onDue: (records) => this.#waiting.expire(records),
      }),
      get finished() {
        return finished;
      },
      get opened() {
        return opened;
      },
      get isClosing() {
        return isClosing();
      },
      moves: new Moves(),
      watchers: new Watchers(onError),
      random,
      onError,
      dispatch,
      changed: () => this.#changed(),
    };
    const finished = new FinishedJobs(context);
    const leases = new LeaseLog(context);
    this.#finished = finished;
    this.#leases = leases;
    this.#context = context;
    this.#attempts = new Attempts(
      context,
      leases,
      (taker) => this.#takers.freed(taker),
      () => this.#dispatcher.onBegun(),
    );
    this.#lookup = new JobLookup(context, this.#attempts);
    this.#waiting = new WaitingJobs(context, this.#attempts, this.#lookup);
    this.#dispatcher = new Dispatcher(context, this.#attempts, this.#waiting, this.#takers);
    this.#adder = new Adder(context, this.#attempts, this.#dispatcher, this.#lookup, this.#head);
    this.#deadLetters = new DeadLetters(context, this.#lookup);
    this.#repeats = new Repeats(context, this.#adder);
    const opened = this.#open(record);
    opened.catch(() => {});
    this.opened = opened;
  }

  add(data: unknown, options: AddOptions = {}): Promise<JobHandle> {
    return this.#when(() => this.#adder.add(data, options));
  }

  addMany(jobs: readonly JobToAdd[]): Promise<JobHandle[]> {
    return this.#when(() => this.#adder.addMany(jobs));
  }

  prepare(data: unknown, options: AddOptions = {}, owner?: object): Promise<PreparedAdd> {
    return this.#when(() => this.#adder.prepare(data, options, owner));
  }

  work(handler: Handler): Worker;
  work(options: WorkOptions, handler: Handler): Worker;
  work(first: WorkOptions | Handler, second?: Handler): Worker {
    this.#check();
    const handler = typeof first === "function" ? first : second;
    const { concurrency = 1 } = typeof first === "function" ? {} : (first ?? {});
    if (typeof handler !== "function") throw new QueueError("QUEUE_INVALID", "work takes a handler");
    whole("concurrency", concurrency, 1, QUEUE_LIMITS.concurrencyMax);
    const worker = new LocalWorker(this.#context, this.#attempts, this.#takers, concurrency, handler);
    this.#join(worker);
    return worker;
  }

  consumer(options: ConsumerOptions): Consumer {
    this.#check();
    const consumer = new RemoteConsumer(
      this.#context,
      this.#attempts,
      this.#takers,
      this.#settlements,
      options,
    );
    this.#join(consumer);
    return consumer;
  }

  job(id: string): JobHandle {
    return new StoredJobHandle(this.#lookup, id, false);
  }

  get(id: string): Promise<JobInfo | undefined> {
    return this.#when(() => this.#lookup.get(id));
  }

  watch(id: string, listener: (report: JobReport) => void): () => void {
    this.#check();
    return this.#context.watchers.add(id, listener);
  }

  counts(): QueueCounts {
    const { ready, parked, finished, dead } = this.#context.journal.flushed;
    const { running } = this.#attempts;
    return {
      waiting: Math.max(0, ready - running),
      delayed: parked,
      running,
      done: finished,
      dead,
      isPaused: this.#head.isPaused,
      workers: this.#takers.taking,
    };
  }

  pause(): Promise<void> {
    return this.#setPaused(true);
  }

  resume(): Promise<void> {
    return this.#setPaused(false);
  }

  drain(): Promise<void> {
    return this.#when(
      () =>
        new Promise((resolve, reject) => {
          this.#drains.add({ resolve, reject });
          this.#changed();
        }),
    );
  }

  remove(id: string, { force = false }: { readonly force?: boolean | undefined } = {}): Promise<boolean> {
    return this.#when(() => this.#waiting.remove(id, force));
  }

  deadLetters(query?: DeadLetterQuery): Promise<DeadLetter[]> {
    return this.#when(() => this.#deadLetters.list(query));
  }

  redrive(id?: string): Promise<number> {
    return this.#when(() => this.#deadLetters.redrive(id));
  }

  purge(id?: string): Promise<number> {
    return this.#when(() => this.#deadLetters.purge(id));
  }

  repeat(key: string, schedule: Schedule, data: unknown, options: RepeatOptions = {}): Promise<RepeatInfo> {
    return this.#when(() => this.#repeats.set(key, schedule, data, options));
  }

  unrepeat(key: string): Promise<boolean> {
    return this.#when(() => this.#repeats.remove(key));
  }

  repeats(): Promise<RepeatInfo[]> {
    return this.#when(() => this.#repeats.list());
  }

  /** Ends its workers, and resolves when everything is flushed. Leases of remote workers stay, for after a restart. */
  close(timeoutMs?: number): Promise<void> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  async #open(record: Promise<QueueRecord>): Promise<void> {
    const found = await record;
    if (this.#isClosed) throw closedError();
    this.keys.assign(found.number);
    this.#head.open(found);
    this.#dispatcher.isPaused = found.isPaused;
    const { ready, due, expiry } = this.#context;
    await restoreAttempts(this.#context, this.#attempts, this.#leases);
    await Promise.all([due.open(), expiry.open(), this.#finished.open(), this.#repeats.open()]);
    if (this.#isClosed) throw closedError();
    ready.open();
    this.#isOpen = true;
    this.#dispatcher.open();
  }

  async #close(timeoutMs: number | undefined): Promise<void> {
    const { due, expiry, journal } = this.#context;
    const workers = [...this.#takers].filter((taker) => taker instanceof LocalWorker);
    if (this.#isOpen) await Promise.all(workers.map((worker) => worker.close({ timeoutMs })));
    this.#isClosed = true;
    this.#dispatcher.close();
    this.#attempts.close();
    await this.opened.catch(() => {});
    await Promise.all([due.close(), expiry.close(), this.#finished.close(), this.#repeats.close()]);
    await journal.idle();
    this.#lookup.close(closedError());
    for (const { reject } of this.#drains) reject(closedError());
    this.#drains.clear();
  }

  #setPaused(isPaused: boolean): Promise<void> {
    return this.#when(async () => {
      const before = this.#head.isPaused;
      this.#head.isPaused = isPaused;
      // At once, so that nothing starts in between; what cannot be stored is taken back.
      this.#dispatcher.isPaused = isPaused || before;
      try {
        await this.#context.journal.put([]);
      } catch (error) {
        this.#head.isPaused = before;
        throw error;
      } finally {
        this.#dispatcher.isPaused = this.#head.isPaused;
        this.#dispatcher.run();
      }
    });
  }

  /** A worker may take part once the queue is open. */
  #join(taker: LocalWorker | RemoteConsumer): void {
    this.#takers.add(taker);
    this.#dispatcher.run();
  }

  #changed(): void {
    const { journal, ready } = this.#context;
    const { written, flushed } = journal;
    if (!journal.isBusy && ready.isEmpty && written.ready !== 0) {
      // A commit of somebody else failed, and the process was killed before that was counted.
      written.ready = 0;
      flushed.ready = 0;
    }
    if (this.#drains.size === 0 || written.ready + written.parked + flushed.ready + flushed.parked > 0)
      return;
    for (const { resolve } of this.#drains) resolve();
    this.#drains.clear();
  }

  /** Once the queue is open. Arguments that are wrong reject. */
  #when<T>(act: () => Promise<T>): Promise<T> {
    if (!this.#isOpen) return this.opened.then(() => this.#when(act));
    try {
      this.#check();
      return act();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #check(): void {
    if (this.#isClosed) throw closedError();
  }
}

function closedError(): QueueError {
  return new QueueError("QUEUE_CLOSED", "The queue is closed");
}
