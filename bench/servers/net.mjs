// The least Node can do: bare `net`, a WebSocket handshake by hand, and one `write` per client and tick with
// everything the tick brought. No framing library, no limits, no checks: a bound, not a server.
import { createHash } from "node:crypto";
import { createServer } from "node:net";
import { control } from "./control.mjs";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const clients = new Set();
let pending = [];

/** Reads whole masked frames of less than 64 kB, queues their payloads unmasked, and returns what is left. */
function readFrames(bytes) {
  let at = 0;
  while (bytes.length - at >= 6) {
    let size = bytes[at + 1] & 127;
    const header = size === 126 ? 4 : 2;
    if (size === 126) size = bytes.readUInt16BE(at + 2);
    const start = at + header + 4;
    if (bytes.length < start + size) break;
    const frame = Buffer.allocUnsafe(header + size);
    bytes.copy(frame, 0, at, at + header);
    frame[1] &= 127;
    for (let i = 0; i < size; i++) frame[header + i] = bytes[start + i] ^ bytes[start - 4 + (i & 3)];
    if (pending.push(frame) === 1) setImmediate(flush);
    at = start + size;
  }
  return bytes.subarray(at);
}

function flush() {
  const bytes = pending.length === 1 ? pending[0] : Buffer.concat(pending);
  pending = [];
  for (const client of clients) client.write(bytes);
}

function upgrade(socket, head) {
  const key = /sec-websocket-key: *(\S+)/i.exec(head)[1];
  const accept = createHash("sha1")
    .update(key + GUID)
    .digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  clients.add(socket);
}

const server = createServer({ noDelay: true }, (socket) => {
  let rest = null;
  socket.on("data", (bytes) => {
    if (!clients.has(socket)) upgrade(socket, bytes.toString("latin1"));
    else rest = readFrames(rest?.length ? Buffer.concat([rest, bytes]) : bytes);
  });
  socket.on("error", () => {});
  socket.on("close", () => clients.delete(socket));
});
server.listen(0, "127.0.0.1", () =>
  control(server.address().port, () => ({ connections: clients.size, rooms: 0 })),
);
