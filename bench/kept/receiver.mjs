// Raw WebSockets that count the events they get: node receiver.mjs <port> <readers> <events>. Prints a line when all
// are connected, and one when each has all its events.
import { connect } from "node:net";

const [port, readers, events] = process.argv.slice(2).map(Number);
const CONNECT = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x34, 0x30]);
const PONG = Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x33]);
let connected = 0;
let complete = 0;

for (let i = 0; i < readers; i++) {
  const socket = connect(port, "127.0.0.1");
  socket.write(
    `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n` +
      `Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  let rest = Buffer.alloc(0);
  let isOpen = false;
  let got = 0;
  socket.on("data", (chunk) => {
    rest = rest.length ? Buffer.concat([rest, chunk]) : chunk;
    if (!isOpen) {
      const end = rest.indexOf("\r\n\r\n");
      if (end < 0) return;
      rest = rest.subarray(end + 4);
      isOpen = true;
      socket.write(CONNECT);
    }
    let at = 0;
    while (at + 4 <= rest.length) {
      let length = rest[at + 1];
      let header = 2;
      if (length === 126) {
        length = rest.readUInt16BE(at + 2);
        header = 4;
      }
      if (at + header + length > rest.length) break;
      onFrame(rest[at + header], rest[at + header + 1], length);
      at += header + length;
    }
    rest = rest.subarray(at);
  });

  function onFrame(engineType, packetType, length) {
    if (engineType === 0x32 && length === 1) socket.write(PONG);
    else if (engineType === 0x34 && packetType === 0x30 && ++connected === readers) console.log("connected");
    else if (engineType === 0x34 && packetType === 0x32 && ++got === events && ++complete === readers) {
      console.log("complete");
      process.exit();
    }
  }
}
