import { Released } from "../kills/orders.ts";
import type { RecordingClient } from "./client.ts";
import { roomsOf } from "./plan.ts";

/** Losses that are printed. */
const SHOWN_MAX = 3;

export interface Counts {
  readonly issued: number;
  readonly delivered: number;
  readonly recovered: number;
  /** Came back with another id. */
  readonly notRecovered: number;
  /** Came back as the same, but without all its rooms or its data. */
  readonly damaged: number;
  /** Released by the server, and never seen by a client that it was for. */
  readonly lost: number;
  readonly outOfOrder: number;
  readonly repeats: number;
  /** Repeats that stock socket.io-client makes by itself, when it is cut inside the first write of a replay. */
  readonly repeatsByClient: number;
}

/** What the server said that it would do, by `order`. */
export type Announcement =
  | {
      readonly type: "to";
      readonly order: number;
      readonly rooms: readonly string[] | undefined;
      readonly n?: number;
    }
  | { readonly type: "join"; readonly order: number; readonly n: number; readonly room: string };

export function parseAnnouncement(line: string): Announcement | undefined {
  const [type, orderText, ...rest] = line.split(" ");
  const order = Number(orderText);
  if (type === "all") return { type: "to", order, rooms: undefined };
  if (type === "room") return { type: "to", order, rooms: rest };
  if (type === "direct") return { type: "to", order, rooms: [], n: Number(rest[0]) };
  if (type === "join") return { type: "join", order, n: Number(rest[0]), room: rest[1]! };
  return undefined;
}

/** Holds what clients got against what was announced. */
export function judge(
  announcements: readonly Announcement[],
  clients: readonly RecordingClient[],
  damaged: number,
): Counts {
  const released = new Released();
  for (const { orders } of clients) for (const order of orders) released.see(order);
  const counts = { lost: 0, outOfOrder: 0, repeats: 0, repeatsByClient: 0, delivered: 0 };
  for (const client of clients) {
    const seen = new Set<number>();
    let last = 0;
    for (const order of client.orders) {
      counts.delivered++;
      if (seen.has(order)) {
        if (client.retained.has(order)) counts.repeatsByClient++;
        else counts.repeats++;
        continue;
      }
      seen.add(order);
      if (order < last) counts.outOfOrder++;
      last = order;
    }
    for (const order of missing(announcements, client, seen, released)) {
      if (counts.lost++ < SHOWN_MAX) console.log(`lost: ${order}, by ${client.n} (${client.transports})`);
    }
  }
  return {
    issued: announcements.length,
    recovered: clients.reduce((sum, { connects, notRecovered }) => sum + connects - 1 - notRecovered, 0),
    notRecovered: clients.reduce((sum, { notRecovered }) => sum + notRecovered, 0),
    damaged,
    ...counts,
  };
}

function* missing(
  announcements: readonly Announcement[],
  { n }: RecordingClient,
  seen: ReadonlySet<number>,
  released: Released,
): Generator<number> {
  const rooms = new Set(roomsOf(n));
  for (const announcement of announcements) {
    const { order } = announcement;
    if (announcement.type === "join") {
      // it counts once the client was told so, by the event that follows
      if (announcement.n === n && seen.has(order + 1)) rooms.add(announcement.room);
      continue;
    }
    const { rooms: to } = announcement;
    const isForIt = announcement.n === n || to === undefined || to.some((room) => rooms.has(room));
    if (isForIt && released.has(order) && !seen.has(order)) yield order;
  }
}
