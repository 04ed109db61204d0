import { isDisconnected, type Link, LOSSES_MAX, linkOf } from "./link.ts";
import {
  type AddOptions,
  type JobHandle,
  type JobReport,
  QueueError,
  type QueueSocket,
  type RemoteQueue,
} from "./types.ts";

const FINAL = new Set(["done", "expired", "removed"]);

/** See `QueueClient.queue`. */
export function queue<Data = unknown, Result = unknown>(
  socket: QueueSocket,
  name: string,
): RemoteQueue<Data, Result> {
  const link = linkOf(socket);
  const admin = (command: string, ...args: unknown[]) => link.ask("admin", name, command, ...args);
  return {
    name,
    admin,
    counts: () => admin("counts") as ReturnType<RemoteQueue["counts"]>,
    job: (id, grant) => handle(link, name, { id, grant, isNew: false }),
    async add(data, options = {}) {
      // under an id of its own it can be asked again, and is still one job
      const named: AddOptions = { ...options, id: options.id ?? newId() };
      const answer = await persist(link, () =>
        link.ask<{ id: string; isNew: boolean; grant: string }>("add", name, data, named),
      );
      return handle(link, name, answer);
    },
  };
}

/** Asks again with each connection until there is an answer. */
async function persist<Answer>(link: Link, ask: () => Promise<Answer>): Promise<Answer> {
  let losses = 0;
  for (;;) {
    const isSent = link.socket.connected;
    try {
      return await ask();
    } catch (error) {
      if (isSent) losses++;
      if (!isDisconnected(error) || !link.socket.active || losses === LOSSES_MAX) throw error;
      await new Promise<void>((resolve, reject) => {
        const onFailure = () => {
          if (!link.socket.active) settle(() => reject(error));
        };
        const ends = [
          link.on("connect", () => settle(resolve)),
          link.on("disconnect", onFailure),
          link.on("connect_error", onFailure),
        ];
        const settle = (end: () => void) => {
          for (const off of ends) off();
          end();
        };
        if (link.socket.connected) settle(resolve);
      });
    }
  }
}

function handle<Result>(
  link: Link,
  queue: string,
  { id, grant, isNew }: { id: string; grant: string | undefined; isNew: boolean },
): JobHandle<Result> {
  const key = `${queue}\n${id}`;
  const watch: JobHandle<Result>["watch"] = (listener, onError) => {
    const onReport = (report: JobReport) => {
      if (FINAL.has(report.state)) end();
      listener(report as JobReport<Result>);
    };
    const begin = () =>
      link.ask<JobReport>("watch", queue, id, ...(grant === undefined ? [] : [grant])).then(
        (report) => isOn && onReport(report),
        (error) => {
          if (!isOn || isDisconnected(error)) return;
          end();
          onError?.(error);
        },
      );
    let isOn = true;
    const ends: (() => void)[] = [];
    const end = () => {
      if (!isOn) return;
      isOn = false;
      for (const off of ends) off();
      const others = link.watches.get(key)! - 1;
      if (others) link.watches.set(key, others);
      else link.watches.delete(key);
    };
    link.watches.set(key, (link.watches.get(key) ?? 0) + 1);
    ends.push(
      link.on<JobReport>("holdfast:queue:state", (report) => {
        if (isOn && report.id === id && report.queue === queue) onReport(report);
      }),
      link.onConnect(begin),
    );
    return () => {
      if (!isOn) return;
      end();
      // the server knows one watch of a socket and job, whoever shares it here
      if (!link.watches.has(key)) link.ask("unwatch", queue, id).catch(() => {});
    };
  };
  return {
    id,
    queue,
    isNew,
    grant,
    watch,
    done: () =>
      new Promise((resolve, reject) => {
        const end = watch((report) => {
          const { state, result, error } = report;
          if (state === "done") resolve(result as Result);
          else if (state === "dead")
            reject(new QueueError("JOB_DEAD", error?.message ?? "it is dead", error));
          else if (state === "expired") reject(new QueueError("JOB_EXPIRED", "it expired"));
          else if (state === "removed") reject(new QueueError("JOB_REMOVED", "it was removed"));
          else return;
          // it may be told before the watch is returned; then it ended by itself, unless it is dead
          queueMicrotask(() => end());
        }, reject);
      }),
  };
}

/** 128 random bits as text, of this page or process: what they name is nobody else's. */
let prefix: string | undefined;
let count = 0;

/** Ids that follow each other cost the store much less than ids at random. */
function newId(): string {
  prefix ??= crypto.getRandomValues(new Uint32Array(4)).join("-");
  return `${prefix}-${count++}`;
}
