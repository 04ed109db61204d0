// biome-ignore-all lint/suspicious/noExplicitAny: the contract of socket.io-adapter is written in terms of any
import type { StoredEvent } from "@holdfast/core";
import { PacketType } from "@holdfast/protocol";
import type { BroadcastOptions, EventPacket, Room } from "../adapter/index.ts";
import { type Joiner, KeepingAdapter, type Placed, type ReplayResult, type Start } from "../kept/index.ts";
import type { Part } from "../outbox/index.ts";
import { Recovery } from "./recovery.ts";
import { EVERYBODY, logNameOf, RESERVED } from "./room-names.ts";
import { isOfSession, type SessionSocket } from "./session-socket.ts";
import { stampText } from "./stamp.ts";

/**
 * The adapter of a server with a store and connection state recovery: every event that a client could miss is stored,
 * and carries its offset to its receivers as the last argument.
 */
export class RecoveringAdapter extends KeepingAdapter {
  readonly recovery: Recovery;

  constructor(nsp: any) {
    super(nsp);
    this.recovery = new Recovery(
      nsp,
      nsp.server._recovery,
      (event) => this.inTurn(event),
      (socket, room, stay) => this.recall(socket, room, stay.after, stay.through),
    );
    const withSocket = (then: (socket: SessionSocket, room: Room) => void) => (room: Room, id: string) => {
      const member = this.table.member(id);
      if (member && "client" in member) then(member as unknown as SessionSocket, room);
    };
    this.on(
      "join-room",
      withSocket((socket, room) => this.recovery.onJoin(socket, room)),
    );
    this.on(
      "leave-room",
      withSocket((socket, room) => this.recovery.onLeave(socket, room)),
    );
  }

  override close(): void {
    this.recovery.close();
  }

  override joinSince(socket: SessionSocket, rooms: readonly Room[], since: Start): Promise<ReplayResult> {
    return this.recovery.whileReplaying(() => super.joinSince(socket, rooms, since));
  }

  protected override logsOf(opts: BroadcastOptions): Room[] {
    if (opts.rooms.size === 0) return [EVERYBODY];
    const logs = new Set(super.logsOf(opts));
    for (const room of opts.rooms) {
      const log = logNameOf(room);
      // nobody whose session can be resumed is in a room that has none
      if (log !== undefined) logs.add(log);
    }
    return [...logs];
  }

  protected override logOf(room: unknown): string | undefined {
    return logNameOf(room);
  }

  protected override isMember(socket: Joiner, log: string): boolean {
    if (log === EVERYBODY || socket.rooms.has(log)) return true;
    // of rooms that are not called as their logs are
    return log.startsWith(RESERVED) && [...socket.rooms].some((room) => logNameOf(room) === log);
  }

  protected override inTurn(event: StoredEvent): readonly Part[] {
    return this.#stamp(this.replayed(event), event.offset);
  }

  protected override stored(packet: EventPacket, parts: readonly Part[], placed: Placed): readonly Part[] {
    this.recovery.onIssue(placed);
    return this.#stamp(parts, placed.offset, packet);
  }

  protected override notStored(packet: EventPacket, parts: readonly Part[], error?: Error): readonly Part[] {
    if (error) this.recovery.onHole();
    return this.#protect(parts, this.recovery.released, packet);
  }

  /** What is sent of stored events to who joins now, with `since`. */
  protected override replayer(): (event: StoredEvent) => readonly Part[] {
    // behind the seam other events may wait
    const seam = this.recovery.released;
    return (event) => this.#protect(this.replayed(event), seam);
  }

  /**
   * A text at the end of an event would be taken for an offset: it gets the newest one that has been let go. Who gets
   * this has, or is being sent before it, all of its events up to there. What is on its way to disk will not do: its
   * offset may be another's after a crash.
   */
  #protect(parts: readonly Part[], reached: number, packet?: EventPacket): readonly Part[] {
    const [text] = parts;
    const endsInText = packet
      ? typeof packet.data.at(-1) === "string"
      : typeof text !== "string" || text.endsWith('"]');
    return endsInText ? this.#stamp(parts, reached, packet) : parts;
  }

  #stamp(parts: readonly Part[], offset: number, packet?: EventPacket): readonly Part[] {
    const { codec, encoder } = this.nsp.server;
    const stamp = this.recovery.stampOf(offset);
    if (!codec.isForeign) return stampText(parts, stamp);
    const { data } = packet ?? codec.decodeParts(parts);
    return encoder.encode({ type: PacketType.EVENT, nsp: this.nsp.name, data: [...data, stamp] });
  }
}

/** The sessions of the adapter's namespace, if it has any that survive the process and this client can have one. */
export function recoveryOf(adapter: object, client: Parameters<typeof isOfSession>[0]): Recovery | undefined {
  const { recovery } = adapter as { recovery?: Recovery };
  return recovery && isOfSession(client) ? recovery : undefined;
}
