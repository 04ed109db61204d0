import type { CancelTimer } from "../log/clock.ts";
import type { Operation } from "../store/index.ts";
import type { Adder } from "./adder.ts";
import { type Body, decodeBody, encodeBody, joinRecord, splitRecord } from "./body.ts";
import type { QueueContext } from "./context.ts";
import { isOver } from "./failure.ts";
import { KIND } from "./keys.ts";
import { checkAddOptions, checkName, QUEUE_LIMITS } from "./options.ts";
import { QueueError } from "./queue-error.ts";
import { checkSchedule, nextTick } from "./schedule.ts";
import { drop } from "./transitions.ts";
import type { RepeatInfo, RepeatOptions, Schedule } from "./types.ts";

/** Wall time may jump while a timer sleeps: it is looked at so often. */
const SLEEP_MAX_MS = 60_000;
const RETRY_MS = 1000;

interface Repeat {
  readonly schedule: Schedule;
  readonly nextMs: number | undefined;
  readonly options: RepeatOptions;
}

type RepeatHeader = Repeat & { readonly lengths?: readonly number[] | undefined };

/** Jobs that are added again and again. The data stays in the store; a tick and its job are one commit. */
export class Repeats {
  readonly #context: QueueContext;
  readonly #adder: Adder;
  readonly #repeats = new Map<string, Repeat>();
  #work: Promise<unknown> = Promise.resolve();
  #cancel: CancelTimer | undefined;
  #isClosed = false;

  constructor(context: QueueContext, adder: Adder) {
    this.#context = context;
    this.#adder = adder;
  }

  async open(): Promise<void> {
    const { store, keys } = this.#context;
    let from = keys.prefix;
    for (;;) {
      const { records, done } = await store.records({ kind: KIND.repeat, from, to: keys.end, limit: 100 });
      for (const { key, value } of records) {
        const { schedule, nextMs, options } = splitRecord<RepeatHeader>(value).header;
        this.#repeats.set(keys.nameOf(key), { schedule, nextMs, options });
      }
      const last = records[records.length - 1];
      if (done || !last) break;
      from = `${last.key}\0`;
    }
    this.#arm();
  }

  /** Resolves when what was under way is over. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    await this.#work;
  }

  set(key: string, given: Schedule, data: unknown, options: RepeatOptions): Promise<RepeatInfo> {
    return this.#serial(async () => {
      checkName("A repeat's key", key, QUEUE_LIMITS.idBytesMax);
      const schedule = checkSchedule(given);
      const checked = { ...options, id: undefined, delayMs: undefined };
      checkAddOptions(checked);
      const { clock, journal, options: queue } = this.#context;
      const body = encodeBody(data, queue.payloadBytesMax, "JOB_TOO_LARGE");
      const old = this.#repeats.get(key);
      if (!old && this.#repeats.size >= QUEUE_LIMITS.repeatsMax) {
        throw new QueueError("QUEUE_FULL", `A queue repeats at most ${QUEUE_LIMITS.repeatsMax} jobs`);
      }
      const isSame = JSON.stringify(old?.schedule) === JSON.stringify(schedule);
      const now = clock.now();
      const nextMs = isSame ? old!.nextMs : nextTick(schedule, now, now);
      const repeat = { schedule, nextMs, options: checked };
      await journal.put([this.#put(key, repeat, body)]);
      this.#repeats.set(key, repeat);
      this.#arm();
      return { key, schedule, nextMs, data };
    });
  }

  remove(key: string): Promise<boolean> {
    return this.#serial(async () => {
      if (!this.#repeats.has(key)) return false;
      await this.#context.journal.put([drop(KIND.repeat, this.#context.keys.name(key))]);
      this.#repeats.delete(key);
      this.#arm();
      return true;
    });
  }

  list(): Promise<RepeatInfo[]> {
    return this.#serial(async () => {
      const infos: RepeatInfo[] = [];
      for (const [key, { schedule, nextMs }] of this.#repeats) {
        infos.push({ key, schedule, nextMs, data: decodeBody(await this.#body(key)) });
      }
      return infos;
    });
  }

  #arm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    let nextMs = Infinity;
    for (const repeat of this.#repeats.values()) nextMs = Math.min(nextMs, repeat.nextMs ?? Infinity);
    if (this.#isClosed || nextMs === Infinity) return;
    const { clock } = this.#context;
    const ms = Math.min(Math.max(0, nextMs - clock.now()), SLEEP_MAX_MS);
    this.#cancel = clock.after(ms, () => {
      this.#serial(() => this.#tick()).then(
        () => this.#arm(),
        (error) => {
          this.#context.onError(error);
          if (!this.#isClosed && !isOver(error)) this.#cancel = clock.after(RETRY_MS, () => this.#arm());
        },
      );
    });
  }

  /** Adds what is due. */
  async #tick(): Promise<void> {
    const now = this.#context.clock.now();
    const errors: unknown[] = [];
    for (const [key, { nextMs }] of [...this.#repeats]) {
      if (this.#isClosed || nextMs === undefined || nextMs > now) continue;
      // One that cannot be added now is no reason for the others to wait.
      await this.#add(key, nextMs, now).catch((error) => errors.push(error));
    }
    if (errors.length > 0) throw errors[0];
  }

  async #add(key: string, tickMs: number, now: number): Promise<void> {
    const repeat = this.#repeats.get(key)!;
    const body = await this.#body(key);
    // Ticks that were missed are passed over: this one stands for them.
    const next = { ...repeat, nextMs: nextTick(repeat.schedule, tickMs, now) };
    await this.#adder.addWith(decodeBody(body), repeat.options, [this.#put(key, next, body)]);
    this.#repeats.set(key, next);
  }

  async #body(key: string): Promise<Body> {
    const { store, keys } = this.#context;
    const record = await store.get(KIND.repeat, keys.name(key));
    if (!record) throw new QueueError("JOB_UNKNOWN", `The repeat ${key} is not stored`);
    const { header, bytes } = splitRecord<RepeatHeader>(record.value);
    return { bytes, lengths: header.lengths };
  }

  #put(key: string, repeat: Repeat, body: Body): Operation {
    const header: RepeatHeader = { ...repeat, lengths: body.lengths };
    const value = joinRecord(JSON.stringify(header), body);
    return { type: "put", kind: KIND.repeat, key: this.#context.keys.name(key), value };
  }

  /** One after the other: a tick must not overtake a change of what ticks. */
  #serial<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#work.then(task);
    this.#work = result.catch(() => {});
    return result;
  }
}
