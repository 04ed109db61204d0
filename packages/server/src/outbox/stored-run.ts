import type { OutgoingPacket } from "./outgoing-packet.ts";

/** Consecutive packets whose stored ones can be left to the log in one go: the same for all connections owed the same. */
export interface StoredRun {
  readonly namespace: string;
  /** All logs that have one of them. */
  readonly rooms: readonly string[];
  /** Offset of the newest. */
  readonly last: number;
  /** How many are stored. */
  readonly count: number;
  /** Those that are not. */
  readonly rest: readonly OutgoingPacket[];
}

const runs = new WeakMap<readonly OutgoingPacket[], StoredRun | "mixed">();

/** undefined if they have to be looked at one by one. */
export function storedRunOf(packets: readonly OutgoingPacket[]): StoredRun | undefined {
  let run = runs.get(packets);
  if (!run) {
    run = build(packets) ?? "mixed";
    runs.set(packets, run);
  }
  return run === "mixed" ? undefined : run;
}

function build(packets: readonly OutgoingPacket[]): StoredRun | undefined {
  const rest: OutgoingPacket[] = [];
  const rooms = new Set<string>();
  let namespace: string | undefined;
  let last = 0;
  for (const packet of packets) {
    const { stored, follows } = packet;
    if (follows !== undefined) return undefined;
    if (!stored) {
      rest.push(packet);
      continue;
    }
    const { receipt } = stored;
    namespace ??= stored.namespace;
    // others are rare, and their reader wants to know more of each
    if (receipt.state !== "durable" || stored.except.length > 0 || stored.namespace !== namespace)
      return undefined;
    for (const room of stored.rooms) rooms.add(room);
    last = receipt.offset;
  }
  if (namespace === undefined) return undefined;
  return { namespace, rooms: [...rooms], last, count: packets.length - rest.length, rest };
}
