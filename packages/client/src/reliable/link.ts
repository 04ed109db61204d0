import { isBinary, PacketType } from "@holdfast/protocol";
import type { Loose } from "../events.ts";
import type { Extensible } from "../extension.ts";
import type { Link } from "./courier.ts";
import type { Answer } from "./outcome.ts";
import type { Entry } from "./storage.ts";

/** What an outbox uses of its socket. */
export interface OutboxSocket extends Extensible {
  readonly io: Extensible["io"] & {
    readonly uri: string | undefined;
    readonly opts: { path?: string; transports?: readonly (string | { prototype: { name: string } })[] };
    readonly engine: { _handshake?: { holdfast?: number; maxPayload: number } };
    _after(ms: number, action: () => void): () => void;
  };
  _ids: number;
  readonly _acks: Map<number, (error: Error | null, args?: Loose[]) => void>;
  connect(): unknown;
  disconnect(): unknown;
}

/** A server that takes entries (PROTOCOL §4.3). */
export function reliableLink(socket: OutboxSocket, window: number): Link {
  return {
    window,
    send(entry, low, answered) {
      const { id, sent, event, args } = entry;
      if (isTooLarge(entry, socket.io.engine._handshake!.maxPayload, mayPoll(socket))) {
        // the server would close the connection, whenever it came again
        answered([1, { code: "EVENT_TOO_LARGE", message: "Larger than the server's maxHttpBufferSize" }]);
      } else {
        request(socket, ["holdfast:emit", id, low, +sent, event, ...args], (answer) =>
          answered(answer as Answer),
        );
      }
    },
  };
}

/** How many plain events may be unanswered. */
const PLAIN_WINDOW = 1000;

/** Any other server: an event is sent once, and its outcome is unknown if the connection goes before its answer. */
export function plainLink(socket: OutboxSocket): Link {
  return {
    window: PLAIN_WINDOW,
    send({ sent, event, args }, _, answered) {
      const unknown = (message: string) => answered([1, { code: "OUTCOME_UNKNOWN", message }]);
      if (sent) unknown("It was sent before");
      else {
        request(
          socket,
          [event, ...args],
          ([reply]) => answered([0, reply]),
          () => unknown("The connection was lost"),
        );
      }
    },
  };
}

/** Sends an event now, past whatever the application has set, and hands on the arguments of its answer. */
export function request(
  socket: OutboxSocket,
  data: unknown[],
  answered: (args: Loose[]) => void,
  lost?: () => void,
): void {
  const id = socket._ids++;
  socket._acks.set(id, (error, args = []) => {
    socket._acks.delete(id);
    if (error) lost?.();
    else answered(args);
  });
  socket._packet({ type: PacketType.EVENT, data, id, options: { compress: true } });
}

/** What the packet has besides. */
const FRAME_BYTES = 200;

/** Then bytes travel as base64: at the latest when everything is sent again, before a connection is upgraded. */
function mayPoll({ io }: OutboxSocket): boolean {
  const { transports = ["polling"] } = io.opts;
  return transports.some((one) => (typeof one === "string" ? one : one.prototype.name) === "polling");
}

function isTooLarge({ args, event, bytes }: Entry, bytesMax: number, isBase64: boolean): boolean {
  // a character takes three bytes at most, of the ones that JSON escapes six
  if (bytes * 6 < bytesMax) return false;
  let largest = 0;
  const text = JSON.stringify([event, ...args], (_, value) => {
    if (!isBinary(value)) return value;
    largest = Math.max(largest, value instanceof Blob ? value.size : value.byteLength);
    return 0;
  });
  const binary = isBase64 ? Math.ceil(largest / 3) * 4 + 1 : largest;
  return Math.max(binary, new Blob([text]).size + FRAME_BYTES) > bytesMax;
}
