import { describe, expect, it } from "vitest";
import type { WsClient } from "../../src/ws-client.ts";
import { conformance, once, type Running, record, type Socket } from "./support.ts";

conformance("the Socket.IO protocol: events", (kit) => {
  /** A raw WebSocket that has joined the main namespace of a server that sends messages back. */
  async function joined(): Promise<{ running: Running; socket: Socket; raw: WsClient }> {
    const running = await kit.serve();
    const arrival = once<[Socket]>(running.io, "connection");
    const raw = await kit.rawWebSocket(running);
    raw.send("40");
    await raw.next();
    const [socket] = await arrival;
    socket.on("message", (...args) => socket.emit("message-back", ...args));
    socket.on("message-with-ack", (...args) => args.pop()(...args));
    return { running, socket, raw };
  }

  it("are text", async () => {
    const { raw } = await joined();
    raw.send('42["message",1,"2",{"3":[true]}]');
    expect(await raw.next()).toBe('42["message-back",1,"2",{"3":[true]}]');
  });

  it("carry bytes in frames of their own", async () => {
    const { raw } = await joined();
    raw.send('452-["message",{"_placeholder":true,"num":0},{"a":{"_placeholder":true,"num":1}}]');
    raw.send(Buffer.from([1, 2, 3]));
    raw.send(Buffer.from([4, 5, 6]));
    expect(await raw.next()).toBe(
      '452-["message-back",{"_placeholder":true,"num":0},{"a":{"_placeholder":true,"num":1}}]',
    );
    expect(await raw.nextBinary()).toEqual(Buffer.from([1, 2, 3]));
    expect(await raw.nextBinary()).toEqual(Buffer.from([4, 5, 6]));
  });

  it("are acknowledged", async () => {
    const { raw } = await joined();
    raw.send('42456["message-with-ack",1,"2",{"3":[false]}]');
    expect(await raw.next()).toBe('43456[1,"2",{"3":[false]}]');
    raw.send('420["message-with-ack"]');
    expect(await raw.next()).toBe("430[]");
  });

  it("are acknowledged with bytes", async () => {
    const { raw } = await joined();
    raw.send('452-789["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    raw.send(Buffer.from([1, 2, 3]));
    raw.send(Buffer.from([4, 5, 6]));
    expect(await raw.next()).toBe('462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    expect(await raw.nextBinary()).toEqual(Buffer.from([1, 2, 3]));
    expect(await raw.nextBinary()).toEqual(Buffer.from([4, 5, 6]));
  });

  it("take the client's acknowledgement, bytes too", async () => {
    const { raw, socket } = await joined();
    const answer = socket.emitWithAck("question", Buffer.from([9]));
    expect(await raw.next()).toBe('451-0["question",{"_placeholder":true,"num":0}]');
    expect(await raw.nextBinary()).toEqual(Buffer.from([9]));
    raw.send('461-0[{"_placeholder":true,"num":0}]');
    raw.send(Buffer.from([8]));
    expect(await answer).toEqual(Buffer.from([8]));
  });

  it("belong to their namespace", async () => {
    const { running, raw } = await joined();
    running.io.of("/custom").on("connection", (socket) => {
      socket.on("message", (...args) => socket.emit("custom-back", ...args));
    });
    raw.send("40/custom,");
    await raw.next();
    raw.send('42/custom,["message",1]');
    expect(await raw.next()).toBe('42/custom,["custom-back",1]');
    raw.send('42["message",2]');
    expect(await raw.next()).toBe('42["message-back",2]');
    raw.send('451-/custom,["message",{"_placeholder":true,"num":0}]');
    raw.send(Buffer.from([1]));
    expect(await raw.next()).toBe('451-/custom,["custom-back",{"_placeholder":true,"num":0}]');
    await raw.nextBinary();
  });

  it("reach nobody of a namespace that was left", async () => {
    const { raw, socket } = await joined();
    const gone = once<[string]>(socket, "disconnect");
    raw.send("41");
    expect((await gone)[0]).toBe("client namespace disconnect");
    raw.send('42["message"]');
    await raw.closed;
  });

  it("leave one namespace and keep another", async () => {
    const { running, raw, socket } = await joined();
    running.io.of("/custom");
    raw.send("40/custom,");
    await raw.next();
    const [custom] = running.io.of("/custom").sockets.values();
    const gone = once<[string]>(custom!, "disconnect");
    raw.send("41/custom,");
    expect((await gone)[0]).toBe("client namespace disconnect");
    expect(socket.connected).toBe(true);
    raw.send('42["message",1]');
    expect(await raw.next()).toBe('42["message-back",1]');
  });

  it("tell of the server's disconnection", async () => {
    const { running, raw, socket } = await joined();
    running.io.of("/custom");
    raw.send("40/custom,");
    await raw.next();
    socket.disconnect();
    expect(await raw.next()).toBe("41");
    const [custom] = running.io.of("/custom").sockets.values();
    custom!.disconnect();
    expect(await raw.next()).toBe("41/custom,");
  });

  it("may be numbers by name", async () => {
    const { raw, socket } = await joined();
    const heard = new Promise((resolve) => socket.onAny((...args) => resolve(args)));
    raw.send('42[7,"seven"]');
    expect(await heard).toEqual([7, "seven"]);
  });

  it("may have empty objects, lists and texts as arguments, and white space around", async () => {
    const { raw } = await joined();
    raw.send('42["message",{},[],"",null]');
    expect(await raw.next()).toBe('42["message-back",{},[],"",null]');
    raw.send('42[ "message" , 1 ]');
    expect(await raw.next()).toBe('42["message-back",1]');
  });

  it("may carry the same bytes in two places", async () => {
    const { raw } = await joined();
    raw.send('451-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]');
    raw.send(Buffer.from([1]));
    expect(await raw.next()).toBe(
      '452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]',
    );
    expect(await raw.nextBinary()).toEqual(Buffer.from([1]));
    expect(await raw.nextBinary()).toEqual(Buffer.from([1]));
  });

  it("may carry up to ten attachments", async () => {
    const { raw } = await joined();
    const placeholders = Array.from({ length: 10 }, (_, num) => `{"_placeholder":true,"num":${num}}`);
    raw.send(`4510-["message",${placeholders.join(",")}]`);
    for (let i = 0; i < 10; i++) raw.send(Buffer.from([i]));
    expect(await raw.next()).toBe(`4510-["message-back",${placeholders.join(",")}]`);
    for (let i = 0; i < 10; i++) expect(await raw.nextBinary()).toEqual(Buffer.from([i]));
  });

  it("arrive together in one polling payload, bytes in base64", async () => {
    const running = await kit.serve();
    running.io.on("connection", (socket) => {
      socket.on("message", (...args) => socket.emit("message-back", ...args));
    });
    const polling = await kit.rawPolling(running);
    await polling.send("40");
    await polling.next();
    await polling.send(
      '42["message",1]',
      '451-["message",{"_placeholder":true,"num":0}]',
      "bAQID",
      '42["message",2]',
    );
    expect(await polling.take(4)).toEqual([
      '42["message-back",1]',
      '451-["message-back",{"_placeholder":true,"num":0}]',
      "bAQID",
      '42["message-back",2]',
    ]);
  });

  describe("close the connection", () => {
    for (const [what, packets] of [
      ["of an unknown type", ["4abc"]],
      ["of a type out of range", ['47["message"]']],
      ["with an object for its payload", ["42{}"]],
      ["with a text for its payload", ['42"message"']],
      ["with an empty list", ["42[]"]],
      ["with half a payload", ['42["message"']],
      ["with more after its payload", ['42["message"]x']],
      ["with an ack id that is no number", ['42abc["message-with-ack",1,"2",{"3":[false]}]']],
      ["with a negative ack id", ['42-1["message-with-ack"]']],
      ["with null as its name", ["42[null]"]],
      ["with true as its name", ["42[true]"]],
      ["with an object as its name", ["42[{}]"]],
      ["with a list as its name", ['42[["message"]]']],
      ['named "connect"', ['42["connect"]']],
      ['named "connect_error"', ['42["connect_error"]']],
      ['named "disconnect"', ['42["disconnect"]']],
      ['named "disconnecting"', ['42["disconnecting"]']],
      ['named "newListener"', ['42["newListener"]']],
      ['named "removeListener"', ['42["removeListener"]']],
      [
        'named "disconnect", with bytes',
        ['451-["disconnect",{"_placeholder":true,"num":0}]', Buffer.from([1])],
      ],
      ["that acknowledges with an object", ["430{}"]],
      ["that acknowledges with a text", ['430"x"']],
      ["that disconnects with a payload", ['41{"a":1}']],
      ["of the binary type with no attachments", ['450-["message",1]']],
      ["with bytes and no number of attachments", ['45["message"]']],
      ["with a number of attachments but no dash", ['451["message",{"_placeholder":true,"num":0}]']],
      [
        "with an odd number of attachments",
        ['451.5-["message",{"_placeholder":true,"num":0}]', Buffer.from([1])],
      ],
      ["with a negative number of attachments", ['45-1-["message",{"_placeholder":true,"num":0}]']],
      ["with letters for its number of attachments", ['45abc-["message",{"_placeholder":true,"num":0}]']],
      [
        "with a text where bytes were announced",
        ['451-["message",{"_placeholder":true,"num":0}]', '42["message"]'],
      ],
      ["with bytes that nothing announced", [Buffer.from([1, 2, 3])]],
      [
        "with more bytes than announced",
        ['451-["message",{"_placeholder":true,"num":0}]', Buffer.from([1]), Buffer.from([2])],
      ],
      [
        "with a placeholder out of bounds",
        ['451-["message",{"_placeholder":true,"num":5}]', Buffer.from([1])],
      ],
      ["with a negative placeholder", ['451-["message",{"_placeholder":true,"num":-1}]', Buffer.from([1])]],
      ["with a text as placeholder", ['451-["message",{"_placeholder":true,"num":"0"}]', Buffer.from([1])]],
      ["with a placeholder without a number", ['451-["message",{"_placeholder":true}]', Buffer.from([1])]],
      [
        "with more attachments than a packet may have",
        [
          `4511-["message",${Array.from({ length: 11 }, (_, num) => `{"_placeholder":true,"num":${num}}`).join(",")}]`,
        ],
      ],
      ["with a fantastic number of attachments", ['45999999999-["message",{"_placeholder":true,"num":0}]']],
    ] as [string, (string | Buffer)[]][]) {
      it(`for a packet ${what}, with an error on its sockets, and disturb nobody else`, async () => {
        const { running, raw, socket } = await joined();
        const [, bystander] = await kit.pair(running);
        const heard = record(socket);
        const failed = once<[Error]>(socket, "error");
        const gone = once<[string]>(socket, "disconnect");
        for (const packet of packets) raw.send(packet);
        await raw.closed;
        expect((await failed)[0]).toBeInstanceOf(Error);
        expect((await gone)[0]).toMatch(/^(forced close|parse error)$/);
        expect(heard.filter(([name]) => name === "disconnect")).toEqual([]);
        const alive = once(bystander, "alive");
        running.io.emit("alive");
        await alive;
      });
    }
  });

  describe("are ignored", () => {
    for (const [what, packet] of [
      ["an acknowledgement that nobody awaits", '4377["x"]'],
      ["an acknowledgement without a number", '43["x"]'],
      ["an event that nobody listens for", '42["nobody",1]'],
    ]) {
      it(`when they are ${what}`, async () => {
        const { raw } = await joined();
        raw.send(packet!);
        raw.send('42["message"]');
        expect(await raw.next()).toBe('42["message-back"]');
      });
    }
  });
});
