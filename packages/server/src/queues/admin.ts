import type { DeadLetter, DeadLetterQuery, Queue } from "@holdfast/core";
import { type Binary, hasBinary, stringifyBinary } from "@holdfast/protocol";
import { type AdminRequest, malformed } from "./requests.ts";

/** Binaries of one answer: clients take no more in a packet. */
const BINARIES_MAX = 10;

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
      return page(queue, {
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

/** As many as one packet holds: the next page goes on behind them. */
async function page(queue: Queue, query: DeadLetterQuery): Promise<DeadLetter[]> {
  const letters = await queue.deadLetters(query);
  const binaries: Binary[] = [];
  for (const [i, { data }] of letters.entries()) {
    if (hasBinary(data)) stringifyBinary(data, binaries);
    if (binaries.length > BINARIES_MAX) return letters.slice(0, Math.max(1, i));
  }
  return letters;
}

function optional(value: unknown, type: "number"): number | undefined;
function optional(value: unknown, type: "string"): string | undefined;
function optional(value: unknown, type: "number" | "string"): unknown {
  if (value == null || typeof value === type) return value ?? undefined;
  throw malformed(`expected a ${type}`);
}
