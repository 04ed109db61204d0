import { Adapter } from "./adapter.ts";
import type { AdapterContract, Room } from "./contract.ts";
import type { Receiver } from "./receiver.ts";

// A socket's rooms, through any adapter. Where nobody has overridden what ours does, its table is asked directly: no
// look-up by id, and no Set for one room. What a foreign adapter does takes the time it takes: it may return a promise.

/** In how many rooms a socket is, its own among them. */
export function countRooms(adapter: AdapterContract, socket: Receiver): number {
  const isOurs = adapter.addAll === Adapter.prototype.addAll;
  return (isOurs ? socket.joined : adapter.socketRooms(socket.id))?.size ?? 1;
}

export function joinRooms(
  adapter: AdapterContract,
  socket: Receiver,
  rooms: readonly Room[],
): Promise<void> | void {
  if (adapter.addAll !== Adapter.prototype.addAll) return adapter.addAll(socket.id, new Set(rooms));
  for (const room of rooms) (adapter as Adapter).table.join(socket, room);
}

export function leaveRoom(adapter: AdapterContract, socket: Receiver, room: Room): Promise<void> | void {
  if (adapter.del !== Adapter.prototype.del) return adapter.del(socket.id, room);
  (adapter as Adapter).table.leave(socket, room);
}

/** Its own room included: broadcasts no longer reach it. */
export function leaveAllRooms(adapter: AdapterContract, socket: Receiver): void {
  if (adapter.delAll === Adapter.prototype.delAll) (adapter as Adapter).table.leaveAll(socket);
  else adapter.delAll(socket.id);
}
