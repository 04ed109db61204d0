import { mayReceive, type Store, type StoredEvent } from "@holdfast/core";
import type { Hold, OutgoingPacket } from "../outbox/index.ts";
import type { Span } from "./restoration.ts";

const CHUNK_EVENTS = 1_000;
const CHUNK_BYTES = 256 * 1024;

/** That the client left a room, which it may not have heard. */
export interface ToldLeave {
  /** Offset of the last event before. */
  readonly at: number;
  /** undefined if it does not care. */
  readonly packet: OutgoingPacket | undefined;
}

/** What a session that is resumed is sent before anything new. */
export interface SessionReplay {
  readonly store: Store;
  readonly namespace: string;
  /** The first offset that is not the replay's concern. */
  readonly before: number;
  /** For each log, which of its events the client has missed. */
  readonly missed: ReadonlyMap<string, Span>;
  /** Of the socket and its rooms; not all of them text. */
  readonly names: ReadonlySet<string>;
  /** In the order in which it left them. Used up. */
  readonly left: ToldLeave[];
  /** A stored event as it goes to the client. */
  toPacket(event: StoredEvent): OutgoingPacket;
  /** The answer to its CONNECT. */
  answer(): OutgoingPacket;
}

/**
 * Writes it, as fast as the client takes it, and lets what has been issued since follow. Rejects as the store does.
 *
 * @returns false if retention has taken some of it meanwhile: nothing more MUST reach the client
 */
export async function replaySession(replay: SessionReplay, hold: Hold): Promise<boolean> {
  const { store, namespace, before, missed, names, left } = replay;
  const query = { namespace, rooms: [...missed.keys()], before, limit: CHUNK_EVENTS, bytes: CHUNK_BYTES };
  let after = Math.min(...[...missed.values()].map((span) => span.after));
  let isTold = false;
  for (let done = false; !done && !hold.isDiscarded; ) {
    const chunk = await store.events({ ...query, after });
    if (await isTrimmed(replay, after)) return false;
    done = chunk.done;
    after = chunk.events.at(-1)?.offset ?? after;
    const packets: OutgoingPacket[] = [];
    /** What it has left before the next event. */
    const leaveBefore = (offset: number) => {
      while (left.length > 0 && left[0]!.at < offset) {
        const { packet } = left.shift()!;
        if (packet) packets.push(packet);
      }
    };
    for (const event of chunk.events) {
      if (!isMissed(event, missed) || !mayReceive(event, names)) continue;
      leaveBefore(event.offset);
      packets.push(replay.toPacket(event));
    }
    if (done) leaveBefore(Infinity);
    if (!isTold) {
      // the client keeps what comes before the answer until it has that
      packets.push(replay.answer());
      isTold = true;
    }
    hold.write(packets);
    await hold.ready();
  }
  hold.release();
  return true;
}

/** Whether events that the client missed, behind this offset, may be gone. Asked once they have been read. */
async function isTrimmed({ store, namespace, missed }: SessionReplay, after: number): Promise<boolean> {
  for (const [log, span] of missed) {
    const from = Math.max(after, span.after);
    if (from >= span.through) continue;
    const { floor } = await store.log(namespace, log);
    if (floor > from) return true;
  }
  return false;
}

/** Whether one of the logs of the event is one of which the client missed it. */
function isMissed({ rooms, offset }: StoredEvent, missed: ReadonlyMap<string, Span>): boolean {
  return rooms.some((room) => {
    const span = missed.get(room);
    return span !== undefined && offset > span.after && offset <= span.through;
  });
}
