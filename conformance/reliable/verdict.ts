import { Server } from "holdfast";
import { ROOMS, roomOf } from "./rooms.ts";

export interface Verdict {
  /** Numbers in the rooms. */
  stored: number;
  /** Numbers that are in no room. */
  missing: number;
  /** Numbers that are there more than once. */
  doubled: number;
  /** Numbers that stand behind a later one of the same client, in any room. */
  outOfOrder: number;
  /** Numbers in a room that is not theirs. */
  misplaced: number;
}

/** Reads what the rooms hold. */
export async function judge(folder: string, clients: number, numbers: number): Promise<Verdict> {
  const io = new Server({ store: folder, rooms: { "notes:*": { keep: true } } });
  await io.ready;
  const rooms = Array.from({ length: ROOMS }, (_, room) => `notes:${room}`);
  const seen = new Set<string>();
  const last = new Map<number, number>();
  const verdict: Verdict = { stored: 0, missing: 0, doubled: 0, outOfOrder: 0, misplaced: 0 };
  for (let after = "start:0"; ; ) {
    const events = await io.in(rooms).history({ after, limit: 1_000 });
    for (const { args, rooms } of events) {
      const [client, number] = args as [number, number];
      verdict.stored++;
      if (seen.has(`${client}:${number}`)) verdict.doubled++;
      seen.add(`${client}:${number}`);
      if (number < (last.get(client) ?? -1)) verdict.outOfOrder++;
      last.set(client, number);
      if (rooms.length !== 1 || rooms[0] !== roomOf(client, number)) verdict.misplaced++;
    }
    if (events.length === 0) break;
    after = events.at(-1)!.position;
  }
  await io.close();
  verdict.missing = clients * numbers - seen.size;
  return verdict;
}
