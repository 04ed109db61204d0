import { isDisconnected, type Link, LOSSES_MAX } from "./link.ts";
import { type FailOptions, type Handler, type Job, QueueError } from "./types.ts";

/** A job as the server hands it out. */
export interface JobMessage {
  readonly queue: string;
  readonly id: string;
  readonly lease: string;
  readonly data: unknown;
  readonly attempt: number;
  readonly attempts: number;
  readonly leaseMs: number;
}

/** A job that runs here, or has run and not been settled. */
export interface RunningJob {
  /** The connection is there, and the server knows this worker: what waits for that is sent. */
  onReady(): void;
  /** Somebody else may have the job now. */
  lose(error: QueueError): void;
  /** No time is left: the attempt fails, to be tried again at once. */
  abandon(): void;
}

export interface RunningJobHost {
  readonly link: Link;
  /** Whether the server knows this worker on the connection there is now. */
  isReady(): boolean;
  onEnd(lease: string): void;
  onError(error: QueueError): void;
}

/** What a server that cannot store an outcome is given before it is asked again, in ms. */
const RETRY_MS = 1_000;
/** Codes of refusals that are final: everything else may go better the next time. */
const FINAL_REFUSALS = new Set(["LEASE_LOST", "QUEUE_INVALID", "QUEUE_FORBIDDEN", "QUEUE_UNKNOWN"]);

type Saying = [name: string, ...args: unknown[]];

const TOO_LARGE: Saying = ["fail", { message: "the result is too large", code: "RESULT_TOO_LARGE" }];

/** Thrown by `job.fail`. */
class Failed extends Error {
  readonly options: FailOptions;

  constructor(message: string, options: FailOptions) {
    super(message);
    this.options = options;
  }
}

/** A server does not understand what is no time at all. */
function optionsOf({ retryMs, final }: FailOptions): FailOptions {
  return { final, retryMs: retryMs === undefined ? retryMs : Math.max(0, +retryMs || 0) };
}

/** What is no error, as text: anything may be thrown. */
function describe(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return "no error, but thrown";
  }
}

/** Runs the handler, renews the lease meanwhile, and tells the server how it went. */
export function runJob(host: RunningJobHost, message: JobMessage, handler: Handler<never>): RunningJob {
  const { link } = host;
  const { lease, leaseMs, queue, id, data, attempt, attempts } = message;
  /** Made when somebody asks for the signal: most jobs end without. */
  let controller: AbortController | undefined;
  let lostBy: QueueError | undefined;
  let outcome: Saying | undefined;
  let isOver = false;
  let isAsking = false;
  /** Connections that were lost before they had an answer to the outcome. */
  let losses = 0;
  let retry: ReturnType<typeof setTimeout> | undefined;
  const renewal = setInterval(() => {
    renew().catch(() => {});
  }, leaseMs / 2);

  const job: Job = {
    id,
    queue,
    data,
    attempt,
    attempts,
    get signal() {
      controller ??= new AbortController();
      if (lostBy) controller.abort(lostBy);
      return controller.signal;
    },
    progress(value) {
      if (!isOver && host.isReady()) link.ask("progress", lease, value).catch(onRefusal);
    },
    extend: renew,
    fail(text, options = {}) {
      throw new Failed(text, options);
    },
  };

  async function renew(): Promise<void> {
    if (isOver) throw new QueueError("LEASE_LOST", "somebody else may have the job now");
    if (!host.isReady()) return;
    try {
      await link.ask("extend", lease);
    } catch (error) {
      onRefusal(error as QueueError);
      if ((error as QueueError).code === "LEASE_LOST") throw error;
    }
  }

  function onRefusal(error: QueueError): void {
    if (error.code === "LEASE_LOST") lose(error);
  }

  function end(): void {
    isOver = true;
    clearInterval(renewal);
    clearTimeout(retry);
    host.onEnd(lease);
  }

  function abort(error: QueueError): void {
    lostBy = error;
    controller?.abort(error);
  }

  function lose(error: QueueError): void {
    if (isOver) return;
    end();
    abort(error);
    // whoever did the work learns that it does not count
    if (outcome) host.onError(error);
  }

  function settle(...told: Saying): void {
    if (isOver) return;
    outcome ??= told;
    tell();
  }

  /** Again and again, until the server has recorded it, or says that it will not. */
  async function tell(): Promise<void> {
    if (isOver || isAsking || !outcome || !host.isReady()) return;
    isAsking = true;
    const [name, ...args] = outcome;
    try {
      await link.ask(name, lease, ...args);
      if (!isOver) end();
    } catch (error) {
      const { code } = error as QueueError;
      if (isOver) return;
      if (isDisconnected(error)) {
        if (++losses === LOSSES_MAX) outcome = TOO_LARGE;
        return;
      }
      if (name === "done" && code === "JOB_TOO_LARGE") {
        outcome = ["fail", { message: (error as QueueError).message, code: "RESULT_TOO_LARGE", final: true }];
        queueMicrotask(tell);
      } else if (FINAL_REFUSALS.has(code)) lose(error as QueueError);
      else if (name === "done" && code === "RESULT_TOO_LARGE") {
        end();
        host.onError(error as QueueError);
      } else retry = setTimeout(tell, RETRY_MS);
    } finally {
      isAsking = false;
    }
  }

  Promise.resolve(job as Job<never>)
    .then(handler)
    .then(
      (result) => settle("done", result),
      (error) => {
        const { message: text, name, code, options } = (error ?? {}) as Failed & { code?: unknown };
        settle("fail", {
          message: typeof text === "string" ? text : describe(error),
          ...(error instanceof Failed ? optionsOf(options) : typeof name === "string" && { name }),
          ...(typeof code === "string" && { code }),
        });
      },
    );

  return {
    onReady: tell,
    lose,
    abandon() {
      if (isOver) return;
      outcome = ["fail", { message: "the worker was closed", code: "WORKER_CLOSED", retryMs: 0 }];
      abort(new QueueError("LEASE_LOST", "the worker was closed"));
      tell();
    },
  };
}
