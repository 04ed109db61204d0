import { type Operation, type Precondition, StoreError } from "../store/index.ts";
import {
  isForGood,
  isRetry,
  type Outcome,
  type Request,
  type Retry,
  retryMsOf,
  tellIssued,
  type Work,
} from "./entry.ts";
import type { Ledger } from "./ledger.ts";
import { byteLength } from "./records.ts";
import { Sender } from "./sender.ts";
import type { SequencerHost } from "./sequencer-host.ts";

/** An entry from its arrival to its answer. */
interface Task {
  readonly sequence: number;
  readonly bytes: number;
  /** Who wants to know, the last one last. */
  askers: Request[];
  work: Exclude<Work, Retry> | undefined;
}

/** More than so many connections need not be told of one entry. */
const ASKERS_MAX = 4;
/** What an entry that waits is told if there are too many, or too large ones. */
const BUSY: Retry = { retryMs: 100, code: "RELIABLE_BUSY", message: "too much waits" };

/**
 * The entries of one key, done one after the other in order of sequence. While a commit is under way the next entries
 * run already, but theirs is issued only when that one has settled, all of them at once: if it fails, nothing behind it
 * has been committed, and all of them are to be sent again.
 */
export class Sequencer {
  readonly ledger: Ledger;
  readonly #host: SequencerHost;
  /** All that have no answer yet, by sequence. */
  readonly #tasks = new Map<number, Task>();
  /** By sequence. */
  readonly #waiting: Task[] = [];
  #running: Task | undefined;
  /** They ran, and are to be committed, in order. */
  #ready: Task[] = [];
  #committing: readonly Task[] = [];
  #waitingBytes = 0;
  #readyBytes = 0;
  /** Those who use this key. */
  readonly #senders = new Set<Sender>();
  /** One entry per commit up to here: one of these made a commit fail. */
  #soloThrough = 0;
  /** The mark is being read anew. */
  #isBlocked = false;
  #noting: Promise<void> | undefined;
  #isStopped = false;
  /** Outcomes that are being read from the store, one after the other. */
  #reading: Promise<void> = Promise.resolve();
  #reads = 0;

  constructor(ledger: Ledger, host: SequencerHost) {
    this.ledger = ledger;
    this.#host = host;
  }

  get isBusy(): boolean {
    return (
      this.#running !== undefined ||
      this.#ready.length > 0 ||
      this.#committing.length > 0 ||
      this.#waiting.length > 0 ||
      this.#reads > 0 ||
      this.#isBlocked ||
      this.#noting !== undefined
    );
  }

  /** Whether it takes nothing any more. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  get isUsed(): boolean {
    return this.#senders.size > 0;
  }

  join(): Sender {
    const sender = new Sender(this);
    this.#senders.add(sender);
    this.#isStopped = false;
    return sender;
  }

  /** For senders. */
  leave(sender: Sender): void {
    if (this.#senders.delete(sender)) this.#afterwards();
  }

  /** For senders. */
  submit(sender: Sender, request: Request): boolean {
    if (this.#isStopped) return true;
    const { sequence, again } = request;
    this.ledger.forgetBelow(request.low);
    const task = this.#tasks.get(sequence);
    if (task) {
      task.askers.push(request);
      if (task.askers.length > ASKERS_MAX) task.askers.shift();
      return true;
    }
    const { window } = this.#host;
    if (this.#tasks.size >= window || sender.reads >= window) return false;
    if (sequence <= this.ledger.through) this.#repeat(sender, request);
    else if (this.#isPassed(sequence) || (this.ledger.isDoubtful && again)) request.answer("unknown");
    else if (sender.isDue(request)) this.#enqueue(sender, request);
    else request.answer(sender.retry(this.#host.monotonicMs()));
    return true;
  }

  /** Commits what is ready, if nothing is under way. */
  issue(): void {
    if (this.#committing.length > 0 || this.#ready.length === 0 || this.#isBlocked || this.#noting) return;
    const group = this.#takeGroup();
    const host = this.#host;
    const outcomes = group.map(({ sequence, work }) => ({ sequence, payload: work!.payload }));
    const draft = this.ledger.draft(outcomes, host.now(), host.isTight);
    const operations: Operation[] = [...draft.operations];
    const preconditions: Precondition[] = [...draft.preconditions];
    for (const { work } of group) {
      for (const contribution of work!.contributions) {
        operations.push(...contribution.operations);
        if (contribution.preconditions) preconditions.push(...contribution.preconditions);
      }
    }
    const receipt = host.store.commit(operations, preconditions);
    this.#committing = group;
    if (receipt.state === "failed") {
      this.#onFailed(group, receipt.error!, false);
      return;
    }
    tellIssued(
      group.flatMap(({ work }) => work!.contributions),
      receipt,
    );
    const onDurable = (version?: number) => {
      draft.adopt(version);
      host.onCommitted(draft);
      this.#onCommitted(group);
    };
    if (host.store.capabilities.shared) {
      receipt.durable().then(
        ({ versions }) => onDurable(versions[0]),
        (error) => this.#onFailed(group, StoreError.from(error), true),
      );
      return;
    }
    receipt.flush.onSettled(() => {
      if (receipt.state === "failed") this.#onFailed(group, receipt.error!, true);
      else onDurable();
    });
  }

  /** Notes on disk that there is this key, and that it is in use. Rejects if that could not be stored. */
  note(): Promise<void> {
    if (this.#noting) return this.#noting;
    // goes with the next commit
    if (this.isBusy) return Promise.resolve();
    this.#noting = this.#note().finally(() => {
      this.#noting = undefined;
      this.issue();
      this.#afterwards();
    });
    return this.#noting;
  }

  /** Takes no more, and forgets what has not begun. */
  stop(): void {
    this.#isStopped = true;
    for (const task of this.#waiting.splice(0)) this.#settle(task);
    this.#waitingBytes = 0;
    this.#afterwards();
  }

  async #note(): Promise<void> {
    const { store, now, onCommitted } = this.#host;
    const draft = this.ledger.draft([], now());
    const { versions } = await store.commit(draft.operations, draft.preconditions).durable();
    draft.adopt(versions[0]);
    onCommitted(draft);
  }

  // --- how an entry comes in

  #repeat(sender: Sender | undefined, request: Request): void {
    this.#reads++;
    if (sender) sender.reads++;
    this.#reading = this.#reading
      .then(() => (request.isHere() ? this.ledger.find(request.sequence) : undefined))
      .then(
        (payload) => request.answer(payload ? { payload } : "unknown"),
        (error) => request.answer(retryOf(StoreError.from(error))),
      )
      .then(() => {
        this.#reads--;
        if (sender) sender.reads--;
        this.#afterwards();
      });
  }

  /** A later one has begun, which only a client that does not keep to the order can bring about. */
  #isPassed(sequence: number): boolean {
    const last = this.#ready[this.#ready.length - 1] ?? this.#committing[this.#committing.length - 1];
    if (last && sequence < last.sequence) return true;
    const running = this.#running;
    return (
      running !== undefined && this.#tasks.get(running.sequence) === running && sequence < running.sequence
    );
  }

  #enqueue(sender: Sender, request: Request): void {
    const { sequence, bytes } = request;
    const isTooMuch = this.#waitingBytes > 0 && this.#waitingBytes + bytes > this.#host.waitingBytesMax;
    if (isTooMuch || !this.#host.reserve(bytes)) {
      const nowMs = this.#host.monotonicMs();
      sender.demand(sequence, BUSY, nowMs);
      request.answer(sender.retry(nowMs));
      return;
    }
    const task: Task = { sequence, bytes, askers: [request], work: undefined };
    this.#waitingBytes += bytes;
    this.#tasks.set(sequence, task);
    let at = this.#waiting.length;
    while (at > 0 && this.#waiting[at - 1]!.sequence > sequence) at--;
    if (at === this.#waiting.length) this.#waiting.push(task);
    else this.#waiting.splice(at, 0, task);
    this.#pump();
  }

  // --- how it is done

  #pump(): void {
    const { groupBytesMax } = this.#host;
    while (
      this.#waiting.length > 0 &&
      !this.#running &&
      !this.#isBlocked &&
      this.#readyBytes <= groupBytesMax
    ) {
      const task = this.#waiting.shift()!;
      this.#waitingBytes -= task.bytes;
      // the newest connection: it is the likeliest to stay
      const asker = task.askers.findLast((request) => request.isHere());
      if (asker) this.#run(task, asker);
      else this.#settle(task);
    }
    this.#afterwards();
  }

  #run(task: Task, asker: Request): void {
    this.#running = task;
    void asker.run().then((work) => {
      this.#running = undefined;
      if (this.#tasks.get(task.sequence) !== task) drop(work);
      else if (isRetry(work)) this.#sendBack([task, ...this.#waiting.splice(0)], work);
      else {
        task.work = work;
        this.#ready.push(task);
        this.#readyBytes += weightOf(work);
        if (this.#committing.length === 0) this.#host.schedule(this);
      }
      this.#pump();
    });
  }

  #takeGroup(): readonly Task[] {
    const { groupBytesMax } = this.#host;
    let count = 0;
    let bytes = 0;
    for (const { sequence, work } of this.#ready) {
      const isAlone =
        sequence <= this.#soloThrough || work!.contributions.some((one) => one.preconditions?.length);
      const weight = weightOf(work!);
      if (count > 0 && (isAlone || bytes + weight > groupBytesMax)) break;
      count++;
      bytes += weight;
      if (isAlone) break;
    }
    this.#readyBytes -= bytes;
    return this.#ready.splice(0, count);
  }

  // --- how it ends

  #onCommitted(group: readonly Task[]): void {
    this.#committing = [];
    for (const task of group) this.#settle(task, task.work);
    this.issue();
    this.#pump();
  }

  #onFailed(group: readonly Task[], error: StoreError, wasIssued: boolean): void {
    this.#committing = [];
    const [first] = group as [Task];
    if (isForGood(error) && group.length === 1 && first.work!.contributions.length > 0) {
      if (!wasIssued) drop(first.work!);
      first.work = { ...this.#host.refusal(error), contributions: [] };
      this.#ready.unshift(first);
      this.#readyBytes += weightOf(first.work);
      this.issue();
      return;
    }
    if (isForGood(error)) this.#soloThrough = group[group.length - 1]!.sequence;
    if (!wasIssued) for (const { work } of group) drop(work!);
    for (const { work } of this.#ready) drop(work!);
    const running = this.#running && this.#tasks.get(this.#running.sequence) === this.#running;
    if (isNews(error)) this.#host.onFailure(error);
    this.#readyBytes = 0;
    const others = [
      ...this.#ready.splice(0),
      ...(running ? [this.#running!] : []),
      ...this.#waiting.splice(0),
    ];
    this.#sendBack([...group, ...others], retryOf(error));
    if (error.code === "PRECONDITION_FAILED" && this.#host.store.capabilities.shared) this.#reload();
    this.#afterwards();
  }

  /** Nothing happened to these, which are the last ones. */
  #sendBack(tasks: readonly Task[], reason: Retry): void {
    this.#waitingBytes = 0;
    const nowMs = this.#host.monotonicMs();
    for (const sender of this.#senders) sender.demand(tasks[0]!.sequence, reason, nowMs);
    for (const task of tasks) this.#settle(task, reason);
  }

  /** @param answer none if nobody is there */
  #settle(task: Task, answer?: Outcome | Retry): void {
    this.#tasks.delete(task.sequence);
    this.#host.free(task.bytes);
    if (answer) for (const asker of task.askers) asker.answer(answer);
  }

  /** Another process has used this key. */
  #reload(): void {
    this.#isBlocked = true;
    this.ledger
      .load()
      .catch(() => {})
      .then(() => {
        this.#isBlocked = false;
        // which may have been done there meanwhile
        const settled = this.#waiting.filter(({ sequence }) => sequence <= this.ledger.through);
        for (const task of settled) {
          this.#waiting.splice(this.#waiting.indexOf(task), 1);
          this.#waitingBytes -= task.bytes;
          this.#settle(task);
          for (const asker of task.askers) this.#repeat(undefined, asker);
        }
        this.#pump();
      });
  }

  #afterwards(): void {
    if (!this.isBusy) this.#host.onIdle(this.ledger.id);
  }
}

/** Whether anybody but the clients concerned should hear of a commit that failed. */
function isNews(error: StoreError): boolean {
  return error.code !== "PRECONDITION_FAILED" && error.code !== "STORE_CLOSED" && !isForGood(error);
}

function drop(work: Work): void {
  if (!isRetry(work)) for (const contribution of work.contributions) contribution.dropped?.();
}

function weightOf({ payload, contributions }: Exclude<Work, Retry>): number {
  let bytes = byteLength(payload);
  for (const { operations } of contributions) {
    for (const operation of operations) {
      if (operation.type === "append") bytes += operation.payload.length;
      else if (operation.type === "put") bytes += operation.value.length;
    }
  }
  return bytes;
}

function retryOf(error: StoreError): Retry {
  return { retryMs: retryMsOf(error), code: error.code, message: "it could not be stored" };
}
