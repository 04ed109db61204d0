import type { Queue } from "@holdfast/core";
import { type AdminRequest, malformed } from "./requests.ts";

/** Does what a client with the right to administer a queue asks for. */
export function administer(queue: Queue, { command, id, options }: AdminRequest): unknown {
  switch (command) {
    case "counts":
      return queue.counts();
    case "get":
      return queue.get(id!);
    case "pause":
      return queue.pause();
    case "resume":
      return queue.resume();
    case "drain":
      return queue.drain();
    case "deadLetters":
      return queue.deadLetters({
        limit: optional(options.limit, "number"),
        after: optional(options.after, "string"),
      });
    case "redrive":
      return queue.redrive(id);
    case "purge":
      return queue.purge(id);
    case "remove":
      return queue.remove(id!, { force: options.force === true });
  }
}

function optional(value: unknown, type: "number"): number | undefined;
function optional(value: unknown, type: "string"): string | undefined;
function optional(value: unknown, type: "number" | "string"): unknown {
  if (value == null || typeof value === type) return value ?? undefined;
  throw malformed(`expected a ${type}`);
}
