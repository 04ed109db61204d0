import { Server } from "holdfast";
import type { View } from "./clients.ts";
import { ROOMS } from "./rooms.ts";

export interface Counts {
  readonly stored: number;
  readonly acknowledged: number;
  readonly seen: number;
  /** Acknowledged, and not in the log where it was said to be. */
  readonly lost: number;
  /** In the log more than once. */
  readonly repeated: number;
  /** In the log before an event that its publisher had issued earlier. */
  readonly outOfOrder: number;
  /** Seen by a client, and not in the log. */
  readonly unstored: number;
  /** Views in which an event is missing between two that were seen, stands twice, or out of order. */
  readonly broken: number;
}

/** Holds what clients were told and saw against the log. */
export async function judge(
  folder: string,
  acknowledged: ReadonlyMap<string, string>,
  views: readonly View[],
): Promise<Counts> {
  const io = new Server({ store: folder, rooms: { "chat:*": { keep: true } } });
  await io.ready;
  const places = new Map<string, number>();
  const positions: string[] = [];
  const last = new Map<string, number>();
  let repeated = 0;
  let outOfOrder = 0;
  for (let after: string | undefined = undefined; ; ) {
    const query = after === undefined ? { after: first() } : { after };
    const events = await io.in(ROOMS).history({ ...query, limit: 1_000 });
    for (const { args, position } of events) {
      const name = args[0] as string;
      if (places.has(name)) repeated++;
      places.set(name, positions.length);
      positions.push(position);
      const publisher = name.slice(0, name.indexOf(":"));
      const number = Number(name.slice(name.indexOf(":") + 1));
      if (number <= (last.get(publisher) ?? -1)) outOfOrder++;
      last.set(publisher, number);
    }
    if (events.length === 0) break;
    after = events.at(-1)!.position;
  }
  await io.close();

  let lost = 0;
  for (const [name, position] of acknowledged) {
    const place = places.get(name);
    if (place === undefined || positions[place] !== position) lost++;
  }
  let seen = 0;
  let unstored = 0;
  let broken = 0;
  for (const { since, isJoined, names } of views) {
    seen += names.length;
    for (const name of names) if (!places.has(name)) unstored++;
    const start = names.length > 0 ? places.get(names[0]!)! : 0;
    if (names.some((name, i) => places.get(name) !== start + i)) broken++;
    else if (since !== null && isJoined && names.length > 0 && positions[start - 1] !== since) broken++;
  }
  return {
    stored: positions.length,
    acknowledged: acknowledged.size,
    seen,
    lost,
    repeated,
    outOfOrder,
    unstored,
    broken,
  };
}

/** A position before every event. */
function first(): string {
  return "start:0";
}
