import type { Room } from "../adapter/index.ts";
import { HoldfastError } from "../errors.ts";

export function withAck(): HoldfastError {
  return new HoldfastError("UNSUPPORTED", "an event with an acknowledgement is not kept");
}

export function notKept(rooms: readonly Room[]): HoldfastError {
  const names = rooms.map((room) => JSON.stringify(room)).join(", ") || "no room";
  return new HoldfastError("ROOM_NOT_KEPT", `${names}: no pattern of the option "rooms" keeps it`);
}
