const assert = require("node:assert");
const http = require("node:http");
const holdfast = require("holdfast");
const engine = require("holdfast/engine");
const client = require("holdfast-client");

for (const name of ["Server", "Namespace", "Socket"]) assert.equal(typeof holdfast[name], "function", name);
for (const name of ["Server", "Socket", "attach", "listen"])
  assert.equal(typeof engine[name], "function", name);
assert.equal(engine.protocol, 4);
for (const name of ["io", "connect", "Manager", "Socket"])
  assert.equal(typeof client[name], "function", name);
assert.equal(client.default, client.io);
assert.equal(client.protocol, 5);

const server = http.createServer();
const io = holdfast(server, { path: "/chat" });
assert(io instanceof holdfast.Server);
assert.equal(io.path(), "/chat");
assert(io.engine instanceof engine.Server);
io.close();

const alone = holdfast(0);
assert(alone instanceof holdfast.Server);
alone.httpServer.once("listening", () => alone.close(() => console.log("ok")));
