import type { Room, SocketId } from "./adapter/index.ts";
import type { BroadcastOperator, RemoteSocket } from "./broadcast-operator.ts";
import { StrictEventEmitter } from "./strict-event-emitter.ts";
import type {
  DecorateAcknowledgements,
  DecorateAcknowledgementsWithMultipleResponses,
  EventsMap,
  RemoveAcknowledgements,
} from "./typed-events.ts";

/** What is asked of sockets in general. A broadcast operator has these too. */
type General =
  | "to"
  | "in"
  | "except"
  | "compress"
  | "volatile"
  | "local"
  | "timeout"
  | "allSockets"
  | "fetchSockets"
  | "socketsJoin"
  | "socketsLeave"
  | "disconnectSockets";

/** Those who can be spoken to and acted on as a whole: the sockets of a namespace, or, asked of the server, of "/". */
export abstract class Audience<
  EmitEvents extends EventsMap,
  ServerSideEvents extends EventsMap,
  ReservedEvents extends EventsMap,
  SocketData,
> extends StrictEventEmitter<ServerSideEvents, RemoveAcknowledgements<EmitEvents>, ReservedEvents> {
  /** Who answers. */
  protected abstract everybody(): Pick<
    Audience<EmitEvents, ServerSideEvents, ReservedEvents, SocketData>,
    General
  >;

  /** To the members of a room, or of any of several; each gets the event once. */
  to(
    room: Room | Room[],
  ): BroadcastOperator<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>, SocketData> {
    return this.everybody().to(room);
  }

  /** The same as {@link to}. */
  in(
    room: Room | Room[],
  ): BroadcastOperator<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>, SocketData> {
    return this.everybody().in(room);
  }

  /** To all but the members of a room, or of any of several. */
  except(
    room: Room | Room[],
  ): BroadcastOperator<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>, SocketData> {
    return this.everybody().except(room);
  }

  /** Whether the transport may compress the event. Default true. */
  compress(
    compress: boolean,
  ): BroadcastOperator<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>, SocketData> {
    return this.everybody().compress(compress);
  }

  /** Clients that cannot take the event at once do not get it. */
  get volatile(): BroadcastOperator<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>, SocketData> {
    return this.everybody().volatile;
  }

  /** Only to the clients of this server. */
  get local(): BroadcastOperator<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>, SocketData> {
    return this.everybody().local;
  }

  /** How long, in ms, acknowledgements may take. */
  timeout(
    timeout: number,
  ): BroadcastOperator<
    DecorateAcknowledgements<DecorateAcknowledgementsWithMultipleResponses<EmitEvents>>,
    SocketData
  > {
    return this.everybody().timeout(timeout);
  }

  /**
   * The ids of the sockets.
   *
   * @deprecated use {@link fetchSockets}
   */
  allSockets(): Promise<Set<SocketId>> {
    return this.everybody().allSockets();
  }

  /** The sockets, those of other servers as descriptions that can be acted on. */
  fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    return this.everybody().fetchSockets();
  }

  /** Makes all sockets join a room, or several. */
  socketsJoin(room: Room | Room[]): void {
    this.everybody().socketsJoin(room);
  }

  /** Makes all sockets leave a room, or several. */
  socketsLeave(room: Room | Room[]): void {
    this.everybody().socketsLeave(room);
  }

  /** Disconnects all sockets; with true, closes their connections too. */
  disconnectSockets(close = false): void {
    this.everybody().disconnectSockets(close);
  }
}
