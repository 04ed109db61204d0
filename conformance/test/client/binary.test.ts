import { describe, expect, test } from "vitest";
import { nextEvent } from "../../src/events.ts";
import { type ClientOptions, describePairs } from "./support.ts";

const cases: [string, ClientOptions][] = [
  ["polling", { transports: ["polling"] }],
  ["websocket", { transports: ["websocket"] }],
  ["websocket with forceBase64", { transports: ["websocket"], forceBase64: true }],
];

describePairs("binary", (pair) => {
  describe.each(cases)("over %s", (_, options) => {
    test.each<[string, unknown]>([
      ["a Buffer", Buffer.from([1, 2, 3])],
      ["an ArrayBuffer", new Uint8Array([1, 2, 3]).buffer],
      ["a Uint8Array", new Uint8Array([1, 2, 3])],
      ["a part of a larger buffer", new Uint8Array([0, 1, 2, 3, 4]).subarray(1, 4)],
      ["a DataView", new DataView(new Uint8Array([1, 2, 3]).buffer)],
    ])("%s goes out", async (_, bytes) => {
      const running = await pair.serve();
      const [client, socket] = await pair.joined(running, options);
      const heard = nextEvent(socket, "bytes");
      client.emit("bytes", bytes, "text");
      expect(await heard).toEqual([Buffer.from([1, 2, 3]), "text"]);
    });

    test("nested, in several places, both ways, with an acknowledgement", async () => {
      const running = await pair.serve();
      const [client, socket] = await pair.joined(running, options);
      const data = { list: [Buffer.from([1]), { deep: Buffer.from([2, 3]) }], none: null, date: new Date(0) };
      const expected = { ...data, date: "1970-01-01T00:00:00.000Z" };
      socket.on("echo", (value, answer) => {
        expect(value).toEqual(expected);
        answer(value, Buffer.from([9]));
      });
      expect(
        await new Promise((resolve) => client.emit("echo", data, (...args: unknown[]) => resolve(args))),
      ).toEqual([expected, Buffer.from([9])]);
      client.on("ask", (bytes, answer) => answer({ bytes }));
      expect(await socket.emitWithAck("ask", Buffer.from([7]))).toEqual({ bytes: Buffer.from([7]) });
      expect(data.list[0]).toEqual(Buffer.from([1]));
    });

    test("an empty Buffer, and one of many bytes", async () => {
      const running = await pair.serve();
      const [client, socket] = await pair.joined(running, options);
      socket.on("echo", (value, answer) => answer(value));
      expect(await client.emitWithAck("echo", Buffer.alloc(0))).toEqual(Buffer.alloc(0));
      const large = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));
      expect(await client.emitWithAck("echo", large)).toEqual(large);
    });

    test("toJSON is honoured beside it", async () => {
      const running = await pair.serve();
      const [client, socket] = await pair.joined(running, options);
      const heard = nextEvent(socket, "x");
      client.emit("x", { toJSON: () => ({ bytes: Buffer.from([1]) }) });
      expect(await heard).toEqual([{ bytes: Buffer.from([1]) }]);
    });
  });

  test("a Blob goes out over polling, in its place", async () => {
    const running = await pair.serve();
    const [client, socket] = await pair.joined(running, { transports: ["polling"] });
    const heard: unknown[] = [];
    socket.onAny((...args) => heard.push(args));
    const last = nextEvent(socket, "after");
    client.emit("before");
    // stock needs a FileReader for it, which Node has not
    if (pair.isOurClient) client.emit("blob", new Blob(["abc"]));
    client.emit("after");
    await last;
    expect(heard).toEqual(
      pair.isOurClient ? [["before"], ["blob", Buffer.from("abc")], ["after"]] : [["before"], ["after"]],
    );
  });
});
