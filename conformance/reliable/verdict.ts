import { Server } from "holdfast";
import { ROOMS, roomOf } from "./rooms.ts";

export interface Contents {
  /** Numbers in the rooms. */
  stored: number;
  /** Numbers that are there more than once. */
  doubled: number;
  /** Numbers that stand behind a later one of the same client, in any room. */
  outOfOrder: number;
  /** Numbers in a room that is not theirs. */
  misplaced: number;
  /** Each number, as `client:number`. */
  seen: ReadonlySet<string>;
}

/** Reads what the rooms of a server that is gone hold. */
export async function read(folder: string): Promise<Contents> {
  const io = new Server({ store: folder, rooms: { "notes:*": { keep: true } } });
  await io.ready;
  const rooms = Array.from({ length: ROOMS }, (_, room) => `notes:${room}`);
  const seen = new Set<string>();
  const last = new Map<number, number>();
  const contents = { stored: 0, doubled: 0, outOfOrder: 0, misplaced: 0, seen };
  for (let after = "start:0"; ; ) {
    const events = await io.in(rooms).history({ after, limit: 1_000 });
    for (const { args, rooms } of events) {
      const [client, number] = args as [number, number];
      contents.stored++;
      if (seen.has(`${client}:${number}`)) contents.doubled++;
      seen.add(`${client}:${number}`);
      if (number < (last.get(client) ?? -1)) contents.outOfOrder++;
      last.set(client, number);
      if (rooms.length !== 1 || rooms[0] !== roomOf(client, number)) contents.misplaced++;
    }
    if (events.length === 0) break;
    after = events.at(-1)!.position;
  }
  await io.close();
  return contents;
}
