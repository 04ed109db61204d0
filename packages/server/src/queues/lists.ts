import { type Control, type Controls, invalid } from "../negotiation/index.ts";
import type { WireError } from "./answers.ts";
import type { QueueSocket } from "./queue-socket.ts";
import { malformed } from "./requests.ts";

/** Of these a client may send several in one message. */
const LISTED: ReadonlySet<unknown> = new Set(["add", "done", "fail"]);
const LIST_MAX = 256;
/** From so many on, other connections have their turn before the next read, as when so much comes in many messages. */
const REQUESTS_OF_A_FLOOD = 64;

/**
 * Takes a list of requests, and answers with the list of their answers once all have one (PROTOCOL §5.11). Each is taken
 * by its own control, as if it had come alone.
 *
 * @param told what a client is told of an error
 */
export function listControl(
  controls: Controls<QueueSocket>,
  told: (error: unknown) => WireError,
): Control<QueueSocket> {
  return (socket, [kind, list], ack) => {
    const control = LISTED.has(kind) && controls.get(`holdfast:queue:${kind}`);
    if (!ack) throw invalid("a list of requests without an acknowledgement");
    if (!control || !isList(list)) {
      ack(told(malformed(`a list has 1 to ${LIST_MAX} requests of one kind: add, done or fail`)));
      return;
    }
    if (list.length >= REQUESTS_OF_A_FLOOD) socket.conn.transport.rest?.();
    const answers = new Array<readonly unknown[]>(list.length);
    let left = list.length;
    for (const [at, args] of list.entries()) {
      control(socket, args, (...answer) => {
        answers[at] = answer;
        if (--left === 0) ack(null, answers);
      });
    }
  };
}

function isList(list: unknown): list is readonly (readonly unknown[])[] {
  return Array.isArray(list) && list.length > 0 && list.length <= LIST_MAX && list.every(Array.isArray);
}
