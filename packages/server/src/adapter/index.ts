export { Adapter, type Keeping } from "./adapter.ts";
export type {
  AdapterConstructor,
  AdapterContract,
  BroadcastFlags,
  BroadcastOptions,
  EventPacket,
  PrivateSessionId,
  Room,
  Session,
  SessionToPersist,
  SocketId,
} from "./contract.ts";
export type { Delivery } from "./delivery.ts";
export { countRooms, joinRooms, leaveAllRooms, leaveRoom } from "./membership.ts";
export { ParentBroadcastAdapter } from "./parent-adapter.ts";
export type { PacketSink, Receiver } from "./receiver.ts";
export { RecoveryAdapter } from "./recovery-adapter.ts";
