import { HoldfastError } from "../errors.ts";
import type { ControlAck, Controls, Party } from "./extension.ts";

/** What the names of all control messages start with. */
const PREFIX = "holdfast:";

/** Whether an event may be a control message. Most are not: their first letter shows it. */
export function isControlName(name: unknown): boolean {
  return typeof name === "string" && name.startsWith(PREFIX);
}

/**
 * Gives an event to the control that has its name, if there is one.
 *
 * @param event name and arguments, as they came; the name is one of `isControlName`
 * @param ack made only if it is a control message
 */
export function isControl(
  socket: Party,
  own: Controls | undefined,
  reserved: Controls | undefined,
  event: readonly unknown[],
  ack: () => ControlAck | undefined,
): boolean {
  const name = event[0] as string;
  const control = own?.get(name) ?? reserved?.get(name);
  if (!control) return false;
  if (!socket.connected) return true;
  try {
    control(socket, event.slice(1), ack());
  } catch (error) {
    if (!(error instanceof HoldfastError && error.code === "PROTOCOL_INVALID")) throw error;
    socket.conn.onClose("parse error", error);
  }
  return true;
}

/** Both, where there are reserved ones already. */
export function withControls(reserved: Controls | undefined, controls: Controls): Controls {
  return new Map([...(reserved ?? []), ...controls]);
}
