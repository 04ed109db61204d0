import { EventEmitter } from "node:events";
import * as msgpackParser from "socket.io-msgpack-parser";
import { describe, expect, it } from "vitest";
import { conformance, flushed, once, type Running, record, refusal, transportCases } from "./support.ts";

/** A parser of our own: one JSON text per packet, nothing else. */
class JsonEncoder {
  encode(packet: object): string[] {
    return [JSON.stringify(packet)];
  }
}
class JsonDecoder extends EventEmitter {
  add(chunk: string): void {
    const packet = JSON.parse(chunk);
    if (typeof packet.type !== "number" || typeof packet.nsp !== "string") throw new Error("invalid format");
    this.emit("decoded", packet);
  }
  destroy(): void {}
}
const jsonParser = { Encoder: JsonEncoder, Decoder: JsonDecoder };

conformance("custom parsers", (kit) => {
  for (const [parserTitle, parser] of [
    ["socket.io-msgpack-parser", msgpackParser],
    ["a parser of JSON texts", jsonParser],
  ] as const) {
    for (const { title, transports } of transportCases) {
      describe(`${parserTitle} over ${title}`, () => {
        const options = { parser, transports };
        const serve = (): Promise<Running> => kit.serve({ parser });

        it("carries events, both ways", async () => {
          const running = await serve();
          const [socket, client] = await kit.pair(running, "/", options);
          const here = once(client, "hello");
          socket.emit("hello", 1, "2", { 3: ["4", null, true] });
          expect(await here).toEqual([1, "2", { 3: ["4", null, true] }]);
          const there = once(socket, "hello");
          client.emit("hello", 1, "2", { 3: ["4", null, true] });
          expect(await there).toEqual([1, "2", { 3: ["4", null, true] }]);
        });

        it("carries acknowledgements and broadcasts", async () => {
          const running = await serve();
          const [[one, first], [, second]] = await kit.pairs(2, running, "/", options);
          one.on("add", (a, b, reply) => reply(a + b));
          expect(await first.emitWithAck("add", 1, 2)).toBe(3);
          first.on("question", (reply) => reply("first"));
          second.on("question", (reply) => reply("second"));
          expect((await running.io.timeout(5_000).emitWithAck("question")).sort()).toEqual([
            "first",
            "second",
          ]);
          const heard = [record(first), record(second)];
          running.io.emit("all", 1);
          one.broadcast.emit("others", 2);
          await flushed(running.io, first, second);
          expect(heard).toEqual([
            [["all", 1]],
            [
              ["all", 1],
              ["others", 2],
            ],
          ]);
        });

        it("carries namespaces, auth, refusals and disconnections", async () => {
          const running = await serve();
          running.io.of("/chat").use((socket, next) => {
            if (socket.handshake.auth.token === "right") next();
            else next(Object.assign(new Error("wrong token"), { data: { code: 7 } }));
          });
          const refused = await refusal(kit.client(running, "/chat", { ...options, auth: { token: "x" } }));
          expect(refused.message).toBe("wrong token");
          expect(refused.data).toEqual({ code: 7 });
          const [socket, client] = await kit.pair(running, "/chat", { ...options, auth: { token: "right" } });
          const gone = once(client, "disconnect");
          socket.disconnect();
          expect((await gone)[0]).toBe("io server disconnect");
        });
      });
    }
  }

  it("carry bytes with socket.io-msgpack-parser, in acks too", async () => {
    const running = await kit.serve({ parser: msgpackParser });
    for (const { transports } of transportCases) {
      const [socket, client] = await kit.pair(running, "/", { parser: msgpackParser, transports });
      const heard = once<[Uint8Array, { nested: Uint8Array[] }]>(client, "bytes");
      socket.emit("bytes", Buffer.from([1, 2]), { nested: [Buffer.from([3])] });
      const [bytes, { nested }] = await heard;
      expect([...bytes]).toEqual([1, 2]);
      expect([...nested[0]!]).toEqual([3]);
      socket.on("echo", (value, reply) => reply(value));
      expect([...(await client.emitWithAck("echo", Buffer.from([4, 5])))]).toEqual([4, 5]);
      client.disconnect();
    }
  });

  it("close the connection of a client that speaks another language", async () => {
    const running = await kit.serve({ parser: jsonParser });
    const webSocket = await kit.rawWebSocket(running);
    webSocket.send("40");
    await webSocket.closed;
    const other = await kit.rawWebSocket(running);
    other.send("4not json at all");
    await other.closed;
  });

  it("are on the server as its encoder", async () => {
    const io = new kit.Server({ parser: jsonParser });
    expect(io.encoder).toBeInstanceOf(JsonEncoder);
  });
});
