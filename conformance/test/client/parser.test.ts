import * as msgpack from "socket.io-msgpack-parser";
import { describe, expect, test } from "vitest";
import { nextEvent } from "../../src/events.ts";
import { describePairs, transportCases } from "./support.ts";

describePairs("a parser of your own at both ends", (pair) => {
  describe.each(transportCases)("over %s", (_, transports) => {
    test("events, bytes and acknowledgements pass, also after a reconnection", async () => {
      const running = await pair.serve({ parser: msgpack });
      running.io.on("connection", (socket) => socket.on("echo", (value, answer) => answer(value)));
      const [client] = await pair.joined(running, { parser: msgpack, transports });
      const value = { a: [1, "b", null], bytes: Buffer.from([1, 2]) };
      expect(await client.emitWithAck("echo", value)).toEqual(value);
      const back = nextEvent(client, "connect");
      client.io.engine.close();
      await back;
      expect(await client.emitWithAck("echo", value)).toEqual(value);
    });

    test("a refusal passes", async () => {
      const running = await pair.serve({ parser: msgpack });
      running.io.use((_socket, next) => next(new Error("no")));
      const client = pair.connect(running, { parser: msgpack, transports });
      const [error] = await nextEvent<[Error]>(client, "connect_error");
      expect(error.message).toBe("no");
    });
  });
});
