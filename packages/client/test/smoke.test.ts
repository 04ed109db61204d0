import { createServer } from "node:http";
import { io } from "holdfast-client";
import { Server } from "socket.io";
import { expect, test } from "vitest";

for (const transports of [["polling"], ["websocket"], ["polling", "websocket"]])
  test("smoke " + transports, async () => {
    const http = createServer();
    const srv = new Server(http);
    srv.on("connection", (s) => {
      s.on("echo", (...a) => {
        const cb = a.pop();
        cb(...a);
      });
      s.emit("hi", Buffer.from([1, 2, 3]), { a: 1 });
    });
    await new Promise<void>((r) => http.listen(0, r));
    const c = io(`http://localhost:${(http.address() as any).port}`, { transports });
    const hi = await new Promise<any[]>((r, j) => {
      c.on("hi", (...a) => r(a));
      c.on("connect_error", j);
    });
    expect(hi[0]).toEqual(Buffer.from([1, 2, 3]));
    expect(await c.emitWithAck("echo", { b: Buffer.from([9]) })).toEqual({ b: Buffer.from([9]) });
    if (transports.length === 2 && c.io.engine.transport.name === "polling")
      await new Promise<void>((r) => c.io.engine.once("upgrade", () => r()));
    expect(c.io.engine.transport.name).toBe(transports.at(-1));
    expect(await c.timeout(1000).emitWithAck("echo", "x")).toBe("x");
    c.disconnect();
    srv.close();
  });
