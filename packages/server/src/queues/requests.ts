/** What clients ask of queues, checked: wire values go in, and come out with a type or as `QUEUE_INVALID`. */
import { type AddOptions, type JobFailure, QueueError } from "@holdfast/core";
import { isRecord } from "../negotiation/index.ts";
import { ADMIN_ACTIONS, type AdminAction } from "./queue-socket.ts";

/** Characters of a queue's name, a job's id, a token: all that is longer is not looked at. */
const NAME_LENGTH_MAX = 256;
/** Characters of an error's message, name or code as they are stored. */
const MESSAGE_LENGTH_MAX = 4_096;
/** Leases that a worker may show when it comes back: its largest prefetch. */
const LEASES_MAX = 1_000;

type Args = readonly unknown[];
type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

export interface AddRequest {
  readonly queue: string;
  readonly data: unknown;
  readonly options: Pick<AddOptions, "id" | "delayMs" | "priority" | "expiresMs">;
}

export function readAdd([queue, data, options]: Args): AddRequest {
  if (data === undefined) throw malformed("a job needs data");
  const { id, delayMs, priority, expiresMs } = record(options, "options");
  const checked: Writable<AddRequest["options"]> = {};
  if (id != null) checked.id = name(id, "id");
  if (delayMs != null) checked.delayMs = number(delayMs, "delayMs");
  if (priority != null) checked.priority = number(priority, "priority");
  if (expiresMs != null) checked.expiresMs = number(expiresMs, "expiresMs");
  return { queue: name(queue, "queue"), data, options: checked };
}

export interface WorkRequest {
  readonly queue: string;
  readonly prefetch: number;
  /** Shown by a worker that was here before. */
  readonly worker: string | undefined;
  /** Those it still works on. */
  readonly leases: readonly string[] | undefined;
}

export function readWork([queue, options]: Args): WorkRequest {
  const { prefetch, worker, leases } = record(options, "options");
  if (leases != null && (!Array.isArray(leases) || leases.length > LEASES_MAX)) {
    throw malformed(`leases must be a list of at most ${LEASES_MAX}`);
  }
  return {
    queue: name(queue, "queue"),
    prefetch: prefetch == null ? 1 : number(prefetch, "prefetch"),
    worker: worker == null ? undefined : name(worker, "worker"),
    leases: (leases as unknown[] | null | undefined)?.map((lease) => name(lease, "lease")),
  };
}

export function readQueue([queue]: Args): string {
  return name(queue, "queue");
}

export function readLease([lease]: Args): string {
  return name(lease, "lease");
}

export function readDone([lease, result]: Args): { lease: string; result: unknown } {
  return { lease: name(lease, "lease"), result };
}

export function readProgress([lease, value]: Args): { lease: string; value: unknown } {
  return { lease: name(lease, "lease"), value };
}

export interface Failure {
  readonly lease: string;
  readonly error: JobFailure;
  readonly retryMs: number | undefined;
  readonly isFinal: boolean;
}

export function readFailure([lease, failure]: Args): Failure {
  const { message, name: kind, code, retryMs, final } = record(failure, "failure");
  return {
    lease: name(lease, "lease"),
    error: {
      message: text(message ?? "failed", "message"),
      ...(kind == null ? {} : { name: text(kind, "name") }),
      ...(code == null ? {} : { code: text(code, "code") }),
    },
    retryMs: retryMs == null ? undefined : number(retryMs, "retryMs"),
    isFinal: final === true,
  };
}

export interface WatchRequest {
  readonly queue: string;
  readonly id: string;
  readonly grant: string | undefined;
}

export function readWatch([queue, id, grant]: Args): WatchRequest {
  return {
    queue: name(queue, "queue"),
    id: name(id, "id"),
    grant: grant == null ? undefined : name(grant, "grant"),
  };
}

export interface AdminRequest {
  readonly queue: string;
  readonly command: AdminAction;
  readonly id: string | undefined;
  readonly options: Record<string, unknown>;
}

/** `[queue, command, id?, options?]`; of `deadLetters`, `[queue, command, options?]`. */
export function readAdmin([queue, command, ...rest]: Args): AdminRequest {
  if (!ADMIN_ACTIONS.includes(command as AdminAction)) throw malformed("there is no such command");
  const id = typeof rest[0] === "string" ? name(rest.shift(), "id") : undefined;
  // an explicit null stands for "all"
  if (rest[0] === null) rest.shift();
  if ((command === "get" || command === "remove") && id === undefined)
    throw malformed(`${command} needs an id`);
  return {
    queue: name(queue, "queue"),
    command: command as AdminAction,
    id,
    options: record(rest[0], "options"),
  };
}

export function malformed(what: string): QueueError {
  return new QueueError("QUEUE_INVALID", what);
}

function name(value: unknown, what: string): string {
  if (typeof value === "string" && value !== "" && value.length <= NAME_LENGTH_MAX) return value;
  throw malformed(`${what} must be text of 1 to ${NAME_LENGTH_MAX} characters`);
}

function text(value: unknown, what: string): string {
  if (typeof value !== "string") throw malformed(`${what} must be text`);
  return value.slice(0, MESSAGE_LENGTH_MAX);
}

function number(value: unknown, what: string): number {
  if (typeof value === "number") return value;
  throw malformed(`${what} must be a number`);
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (value == null) return {};
  if (isRecord(value)) return value;
  throw malformed(`${what} must be an object`);
}
