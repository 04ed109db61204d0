import { isReservedEvent, type Packet, PacketType } from "./packet.ts";

/** A packet but for its type and its JSON: the number of attachments, the namespace and the id. */
const HEADER = /^(?:[56](\d+)-|.?)(?:(\/[^,]*),?)?(\d*)/;

/** What the JSON of each type of packet begins with; none for CONNECT and DISCONNECT. */
const PAYLOADS = [/^({|$)/, /^$/, /^\[\s*["\d-]/, /^\[/, /^["{]/];

/** What decode.ts does, in little space: package.json's "browser" map puts this in its place. */
export function decode(text: string): Packet {
  const [header, count, nsp = "/", id] = HEADER.exec(text)!;
  const json = text.slice(header.length);
  const attachments = +count! || undefined;
  const type = text.charCodeAt(0) - 48 - (attachments ? 3 : 0);
  const data: unknown = json ? JSON.parse(json) : undefined;
  if (!PAYLOADS[type]?.test(json) || (type === PacketType.EVENT && isReservedEvent((data as unknown[])[0]))) {
    throw new Error("invalid payload");
  }
  return { type, nsp, data, id: id ? +id : undefined, attachments };
}
