import type { Operation, Precondition } from "./operations.ts";
import { StoreError } from "./store-error.ts";

/** Bounds that every driver holds to, so that a program does not find out about a driver's own. */
export const STORE_LIMITS = {
  /** Payload of one event. */
  eventBytesMax: 16 * 1024 * 1024,
  /** Value of one record. */
  valueBytesMax: 16 * 1024 * 1024,
  /** UTF-8 bytes of a record's key. */
  keyBytesMax: 1024,
  /** UTF-8 bytes of a record's kind. */
  kindBytesMax: 128,
  /** UTF-8 bytes of a room's name; those of a namespace likewise. */
  roomBytesMax: 1024,
  /** Rooms that index one event. */
  roomsPerEventMax: 1024,
  /** Excluded rooms and sockets of one event. */
  exceptMax: 4096,
} as const;

/** Bytes of values in one chunk of records, where a query says nothing else. */
export const RECORD_CHUNK_BYTES = 16 * 1024 * 1024;

/** Throws a StoreError if an operation is past a limit. Returns about how many bytes it holds while it waits. */
export function weigh(operation: Operation): number {
  switch (operation.type) {
    case "append": {
      const { payload, rooms, except } = operation;
      if (tooLong(payload, STORE_LIMITS.eventBytesMax)) {
        throw new StoreError("EVENT_TOO_LARGE", `An event holds at most ${STORE_LIMITS.eventBytesMax} bytes`);
      }
      if (rooms.length === 0 || rooms.length > STORE_LIMITS.roomsPerEventMax) {
        throw new StoreError("ROOM_INVALID", `An event needs 1 to ${STORE_LIMITS.roomsPerEventMax} rooms`);
      }
      checkRoom(operation.namespace);
      for (const room of rooms) checkRoom(room);
      let weight = payload.length + 128;
      if (rooms.length > 1) {
        if (new Set(rooms).size < rooms.length) throw new StoreError("ROOM_INVALID", "A room is named twice");
        weight += rooms.length * 64;
      }
      if (operation.sender !== undefined) weight += checkName(operation.sender);
      if (except !== undefined && except.length > 0) {
        if (except.length > STORE_LIMITS.exceptMax) {
          throw new StoreError("ROOM_INVALID", `At most ${STORE_LIMITS.exceptMax} rooms can be excluded`);
        }
        for (const name of except) weight += checkName(name);
      }
      return weight;
    }
    case "put":
      checkKey(operation);
      if (tooLong(operation.value, STORE_LIMITS.valueBytesMax)) {
        throw new StoreError("VALUE_TOO_LARGE", `A record holds at most ${STORE_LIMITS.valueBytesMax} bytes`);
      }
      return operation.value.length + operation.key.length + 128;
    case "delete":
      checkKey(operation);
      return operation.key.length + 128;
    case "trim":
      checkRoom(operation.namespace);
      checkRoom(operation.room);
      return 128;
  }
}

export function checkKey({ kind, key }: Pick<Precondition, "kind" | "key">): void {
  if (key.length === 0 || tooLong(key, STORE_LIMITS.keyBytesMax)) {
    throw new StoreError("KEY_INVALID", `A key holds 1 to ${STORE_LIMITS.keyBytesMax} bytes`);
  }
  if (kind.length === 0 || tooLong(kind, STORE_LIMITS.kindBytesMax)) {
    throw new StoreError("KEY_INVALID", `A kind holds 1 to ${STORE_LIMITS.kindBytesMax} bytes`);
  }
}

function checkRoom(room: string): void {
  if (tooLong(room, STORE_LIMITS.roomBytesMax)) {
    throw new StoreError(
      "ROOM_INVALID",
      `A kept room's name holds at most ${STORE_LIMITS.roomBytesMax} bytes`,
    );
  }
}

function checkName(name: string): number {
  if (name.length > 0xffff || tooLong(name, 0xffff)) {
    throw new StoreError("ROOM_INVALID", "An excluded room's name is too long");
  }
  return name.length + 8;
}

/** Counts bytes only where the count of UTF-16 units leaves a doubt. */
function tooLong(text: string | Uint8Array, bytesMax: number): boolean {
  if (text.length > bytesMax) return true;
  return typeof text === "string" && text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax;
}
