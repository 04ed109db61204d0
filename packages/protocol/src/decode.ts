import { isReservedEvent, type Packet, PacketType } from "./packet.ts";

/**
 * The packet in a text; one whose attachments follow has their number, and the plain type. Throws on what the
 * protocol does not allow. Written for speed: decode.browser.ts does the same in little space.
 */
export function decode(text: string): Packet {
  // all that it may have: to add members later takes longer
  const packet: Packet = {
    type: text.charCodeAt(0) - 48,
    nsp: "/",
    data: undefined,
    id: undefined,
    attachments: undefined,
  };
  let i = 1;
  if (packet.type > 4 && packet.type < 7) {
    const end = text.indexOf("-");
    const count = text.slice(1, end);
    if (end < 0 || !/^[1-9]\d*$/.test(count)) throw new Error("illegal attachments");
    packet.attachments = +count;
    packet.type -= 3;
    i = end + 1;
  }
  if (text[i] === "/") {
    const comma = text.indexOf(",", i);
    const end = comma < 0 ? text.length : comma;
    packet.nsp = text.slice(i, end);
    i = end + 1;
  }
  const start = i;
  while (text.charCodeAt(i) >= 48 && text.charCodeAt(i) <= 57) i++;
  if (i > start) packet.id = +text.slice(start, i);
  if (i < text.length) packet.data = JSON.parse(text.slice(i));
  if (!isPayloadValid(packet)) throw new Error("invalid payload");
  return packet;
}

function isPayloadValid({ type, data }: Packet): boolean {
  switch (type) {
    case PacketType.EVENT:
      return (
        Array.isArray(data) &&
        (typeof data[0] === "string" ? !isReservedEvent(data[0]) : typeof data[0] === "number")
      );
    case PacketType.ACK:
      return Array.isArray(data);
    case PacketType.CONNECT:
      return data === undefined || isObject(data);
    case PacketType.DISCONNECT:
      return data === undefined;
    case PacketType.CONNECT_ERROR:
      return typeof data === "string" || isObject(data);
    default:
      return false;
  }
}

const isObject = (value: unknown) => !!value && typeof value === "object" && !Array.isArray(value);
