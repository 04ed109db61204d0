import { Released } from "../kills/orders.ts";
import type { ResumingClient } from "./client.ts";
import { roomsOf } from "./plan.ts";

/** Faults that are printed. */
const SHOWN_MAX = 3;

/** An event that the server said it would emit. */
export interface Announcement {
  readonly order: number;
  /** Kept ones and others. */
  readonly rooms: readonly string[];
  /** The client that sent it, and must not get it. */
  readonly sender: number | undefined;
}

export interface Counts {
  readonly issued: number;
  readonly delivered: number;
  readonly lost: number;
  /** Twice to the same client object. */
  readonly repeated: number;
  /** To a client object what the one before it, on the same storage, had got. */
  readonly repeatedAtReload: number;
  /** Before another one to the same rooms that was issued earlier. */
  readonly outOfOrder: number;
  /** What it sent itself. */
  readonly own: number;
}

export function parseAnnouncement(line: string): Announcement | undefined {
  const [type, order, ...rest] = line.split(" ");
  if (type !== "room") return undefined;
  const sender = rest.at(-1)!.startsWith("-") ? -Number(rest.pop()) : undefined;
  return { order: Number(order), rooms: rest, sender };
}

/** Holds what clients got against what was announced. */
export function judge(announcements: readonly Announcement[], clients: readonly ResumingClient[]): Counts {
  const byOrder = new Map(announcements.map((announcement) => [announcement.order, announcement]));
  const released = new Released();
  for (const { arrivals } of clients) for (const { order } of arrivals) released.see(order);
  const counts = { lost: 0, repeated: 0, repeatedAtReload: 0, outOfOrder: 0, own: 0, delivered: 0 };
  const show = (what: "lost" | "repeated" | "outOfOrder" | "own", order: number, n: number) => {
    if (counts[what]++ < SHOWN_MAX) console.log(`${what}: ${order} (${byOrder.get(order)?.rooms}), by ${n}`);
  };
  for (const { n, arrivals, extras } of clients) {
    /** In which life of the client it came. */
    const seen = new Map<number, number>();
    let lasts = new Map<string, number>();
    let life = 0;
    for (const { order, reloads } of arrivals) {
      if (reloads !== life) lasts = new Map();
      life = reloads;
      counts.delivered++;
      const before = seen.get(order);
      seen.set(order, reloads);
      if (before === reloads) show("repeated", order, n);
      else if (before !== undefined) counts.repeatedAtReload++;
      const { rooms, sender } = byOrder.get(order)!;
      if (sender === n) show("own", order, n);
      const to = rooms.join();
      if (before !== reloads && order < (lasts.get(to) ?? 0)) show("outOfOrder", order, n);
      lasts.set(to, Math.max(order, lasts.get(to) ?? 0));
    }
    const since = new Map([...roomsOf(n).map((room): [string, number] => [room, 0]), ...extras]);
    for (const { order, rooms, sender } of announcements) {
      const isFor = sender !== n && rooms.some((room) => order > (since.get(room) ?? Infinity));
      if (isFor && released.has(order) && !seen.has(order)) show("lost", order, n);
    }
  }
  return { issued: announcements.length, ...counts };
}
