// biome-ignore-all lint/suspicious/noExplicitAny: the contract of socket.io-adapter is written in terms of any
import type { Receipt, Since, StoredEvent } from "@holdfast/core";
import { PacketType } from "@holdfast/protocol";
import type { BroadcastOptions, Room } from "../adapter/index.ts";
import { KeepingAdapter, type ReplayResult } from "../kept/index.ts";
import type { Part } from "../outbox/index.ts";
import { EVERYBODY, Recovery } from "./recovery.ts";
import type { SessionSocket } from "./session-socket.ts";
import { formatOffset, stampText } from "./stamp.ts";

/**
 * The adapter of a server with a store and connection state recovery: every event that a client could miss is stored,
 * and carries its offset to its receivers as the last argument.
 */
export class RecoveringAdapter extends KeepingAdapter {
  readonly recovery: Recovery;
  /** Offset of the newest event that has been let go. */
  #released = 0;
  /** The flush in progress, and the offset of its newest event. */
  #flush: { flush: Receipt["flush"]; offset: number } | undefined;

  constructor(nsp: any) {
    super(nsp);
    const { opts, _recovery } = nsp.server;
    const { maxDisconnectionDuration, sessionsMax = 100_000 } = opts.connectionStateRecovery;
    this.recovery = new Recovery(
      nsp,
      _recovery,
      { durationMs: maxDisconnectionDuration, sessionsMax },
      (event) => this.#stamp(super.replayed(event), event.offset),
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

  override joinSince(socket: SessionSocket, rooms: readonly Room[], since: Since): Promise<ReplayResult> {
    return this.recovery.whileReplaying(() => super.joinSince(socket, rooms, since));
  }

  protected override logsOf(opts: BroadcastOptions): Room[] {
    if (opts.rooms.size === 0) return [EVERYBODY];
    const kept = super.logsOf(opts);
    for (const room of opts.rooms) if (typeof room === "string" && !kept.includes(room)) kept.push(room);
    return kept;
  }

  protected override stored(packet: any, parts: readonly Part[], receipt: Receipt): readonly Part[] {
    const { offset, flush } = receipt;
    this.recovery.onIssue(offset);
    if (this.#flush?.flush === flush) this.#flush.offset = offset;
    else {
      const current = { flush, offset };
      this.#flush = current;
      flush.onSettled(() => {
        this.#released = current.offset;
      });
    }
    return this.#stamp(parts, offset, packet);
  }

  protected override notStored(packet: any, parts: readonly Part[], error?: Error): readonly Part[] {
    if (error) this.recovery.onHole();
    return this.#protect(parts, packet);
  }

  protected override replayed(event: StoredEvent): readonly Part[] {
    return this.#protect(super.replayed(event));
  }

  /** A text at the end of an event would be taken for an offset: it gets the one that the client has reached. */
  #protect(parts: readonly Part[], packet?: any): readonly Part[] {
    const [text] = parts;
    const endsInText = packet
      ? typeof packet.data.at(-1) === "string"
      : typeof text !== "string" || text.endsWith('"]');
    return endsInText ? this.#stamp(parts, this.#released, packet) : parts;
  }

  #stamp(parts: readonly Part[], offset: number, packet?: any): readonly Part[] {
    const { codec, encoder } = this.nsp.server;
    if (!codec.isForeign) return stampText(parts, offset);
    const { data } = packet ?? codec.decodeParts(parts);
    return encoder.encode({
      type: PacketType.EVENT,
      nsp: this.nsp.name,
      data: [...data, formatOffset(offset)],
    });
  }
}
