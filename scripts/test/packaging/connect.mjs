import assert from "node:assert";
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { Server } from "holdfast";
import { io as ours } from "holdfast-client";
import { io as stock } from "socket.io-client";

const required = createRequire(import.meta.url)("holdfast-client");
const http = createServer();
const io = new Server(http);
io.on("connection", (socket) => socket.on("echo", (value, answer) => answer(value)));
http.listen(0);
await once(http, "listening");
const url = `http://localhost:${http.address().port}`;

for (const connect of [stock, ours, required]) {
  for (const transports of [["polling"], ["websocket"], ["polling", "websocket"]]) {
    const socket = connect(url, { transports, forceNew: true });
    const sent = { text: "é", bytes: Buffer.from([1, 2, 3]) };
    assert.deepEqual(await socket.timeout(5000).emitWithAck("echo", sent), sent);
    socket.disconnect();
  }
}

for (const file of ["socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js"]) {
  const script = await fetch(`${url}/socket.io/${file}`);
  assert.equal(script.status, 200, file);
  assert.match(await script.text(), /holdfast-client/, `${file} is ours`);
  const map = await fetch(`${url}/socket.io/${file}.map`);
  assert.equal((await map.json()).version, 3, `${file}.map`);
}

await io.close();
console.log("ok");
