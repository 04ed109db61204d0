import { describe, expect, test } from "vitest";
import { loadClient } from "../../src/clients.ts";
import { eventsOf, nextEvent } from "../../src/events.ts";
import { type HttpRequest, queryOf, request } from "../../src/http-request.ts";
import type { OpenData } from "../../src/polling-client.ts";
import { pending, startEngine, startIo } from "../../src/servers.ts";
import { describeEachServer } from "../../src/targets.ts";
import { WsClient } from "../../src/ws-client.ts";

/** Splits a text payload of protocol 3 into its packets (`<length in characters>:<packet>…`). */
function packetsOf(payload: string): string[] {
  const packets: string[] = [];
  for (let rest = payload; rest !== ""; ) {
    const [length = ""] = rest.split(":", 1);
    const start = length.length + 1;
    packets.push(rest.slice(start, start + Number(length)));
    rest = rest.slice(start + Number(length));
  }
  return packets;
}

describeEachServer("engine protocol 3", (target) => {
  async function open(query: Record<string, string> = {}, options = {}) {
    const server = await startEngine(target, { allowEIO3: true, ...options });
    const base = `/engine.io/?${queryOf({ EIO: "3", transport: "polling", ...query })}`;
    const handshake = await request(server.port, base);
    const [packet = ""] = packetsOf(handshake.text);
    const data = JSON.parse(packet.slice(1)) as OpenData;
    const [socket] = await server.connections.next();
    const path = `${base}&sid=${data.sid}`;
    const get = (requestOptions: HttpRequest = {}) => request(server.port, path, requestOptions);
    const post = (body: string | Buffer, headers: Record<string, string> = {}) =>
      request(server.port, path, {
        method: "POST",
        body,
        headers: { "content-type": "text/plain;charset=UTF-8", ...headers },
      });
    return { ...server, handshake, data, socket, get, post, closes: eventsOf(socket, "close") };
  }

  async function openWs(query: Record<string, string> = {}, options = {}) {
    const server = await startEngine(target, { allowEIO3: true, ...options });
    const client = await WsClient.handshake(server.port, { query: { EIO: "3", ...query } });
    const [socket] = await server.connections.next();
    return { ...server, client, socket, closes: eventsOf(socket, "close") };
  }

  describe("the handshake", () => {
    test("over polling is a payload with a length", async () => {
      const { handshake, data, socket } = await open();
      expect(handshake.text).toMatch(/^\d+:0\{"sid":/);
      expect(packetsOf(handshake.text).length).toBe(1);
      expect(handshake.headers["content-type"]).toBe("text/plain; charset=UTF-8");
      expect(data).toEqual({
        sid: socket.id,
        upgrades: ["websocket"],
        pingInterval: 25_000,
        pingTimeout: 20_000,
        maxPayload: 1_000_000,
      });
      expect(socket.protocol).toBe(3);
    });

    test("over WebSocket is a plain packet", async () => {
      const { client, socket } = await openWs();
      expect(client.open.sid).toBe(socket.id);
      expect(socket.protocol).toBe(3);
    });

    test.each([undefined, "2", "5"])("EIO=%s counts as 3", async (EIO) => {
      const { port, connections } = await startEngine(target, { allowEIO3: true });
      const response = await request(port, `/engine.io/?${queryOf({ EIO, transport: "polling" })}`);
      expect(response.text).toMatch(/^\d+:0\{/);
      expect((await connections.next())[0].protocol).toBe(3);
    });

    test("the initial packet comes in the same payload", async () => {
      const { handshake } = await open({}, { initialPacket: "welcome" });
      expect(packetsOf(handshake.text)[1]).toBe("4welcome");
    });

    test("clients of both protocols share a server", async () => {
      const { port, data } = await open();
      const v4 = await WsClient.handshake(port);
      expect(v4.open.sid).not.toBe(data.sid);
    });
  });

  describe("text over polling", () => {
    test("is sent with its length in characters", async () => {
      const { socket, get } = await open();
      socket.send("€€€");
      socket.send("hello");
      socket.send("");
      expect((await get()).text).toBe("4:4€€€6:4hello1:4");
    });

    test("counts UTF-16 code units", async () => {
      const { socket, get } = await open();
      socket.send("👍");
      expect((await get()).text).toBe("3:4👍");
    });

    test("is read by its length", async () => {
      const { socket, post } = await open();
      const messages = eventsOf(socket, "message");
      expect((await post("6:4hello4:4€€€3:4👍1:4")).text).toBe("ok");
      expect((await messages.take(4)).flat()).toEqual(["hello", "€€€", "👍", undefined]);
    });

    test.each([
      "",
      "x",
      "6:4hell",
      "5",
      ":4",
      "-1:4",
      "1x:4",
      "3:xab",
      "1:9",
      "6:4hello7",
      "NaN:4",
      "999999999999999999999:4",
    ])("the payload %j is a parse error", async (payload) => {
      const { closes, post } = await open();
      await post(payload).catch(() => {});
      expect((await closes.next())[0]).toBe("parse error");
    });
  });

  describe("binary over polling", () => {
    const bytes = Buffer.from([1, 2, 3, 4, 255]);

    test("is sent as a binary payload", async () => {
      const { socket, get } = await open();
      socket.send(bytes);
      const response = await get();
      expect(response.headers["content-type"]).toBe("application/octet-stream");
      expect(response.bytes).toEqual(Buffer.from([1, 6, 255, 4, 1, 2, 3, 4, 255]));
    });

    test("shares its payload with text, which is marked 0", async () => {
      const { socket, get } = await open();
      socket.send("hello");
      socket.send(bytes);
      const response = await get();
      expect(response.bytes).toEqual(
        Buffer.concat([Buffer.from([0, 6, 255]), Buffer.from("4hello"), Buffer.from([1, 6, 255, 4]), bytes]),
      );
    });

    test("the length is one byte per decimal digit", async () => {
      const { socket, get } = await open();
      socket.send(Buffer.alloc(122, 7));
      expect((await get()).bytes.subarray(0, 6)).toEqual(Buffer.from([1, 1, 2, 3, 255, 4]));
    });

    test("is sent as base64 to a client that asks for it with b64=1", async () => {
      const { socket, get } = await open({ b64: "1" });
      socket.send(Buffer.from([1, 2, 3, 4]));
      socket.send("hello");
      const response = await get();
      expect(response.headers["content-type"]).toBe("text/plain; charset=UTF-8");
      expect(response.text).toBe("10:b4AQIDBA==6:4hello");
    });

    test("is read from a binary payload", async () => {
      const { socket, post } = await open();
      const messages = eventsOf(socket, "message");
      const payload = Buffer.from([1, 5, 255, 4, 1, 2, 3, 4, 0, 6, 255, ...Buffer.from("4hello")]);
      expect((await post(payload, { "content-type": "application/octet-stream" })).text).toBe("ok");
      expect((await messages.take(2)).flat()).toEqual([Buffer.from([1, 2, 3, 4]), "hello"]);
    });

    test("is read from base64", async () => {
      const { socket, post } = await open();
      const messages = eventsOf(socket, "message");
      await post("10:b4AQIDBA==");
      expect(await messages.next()).toEqual([Buffer.from([1, 2, 3, 4])]);
    });

    test("text with other alphabets survives in a binary payload", async () => {
      const { socket, post } = await open();
      const messages = eventsOf(socket, "message");
      const text = Buffer.from("4é€");
      const payload = Buffer.concat([
        Buffer.from([0, text.length, 255]),
        text,
        Buffer.from([1, 2, 255, 4, 9]),
      ]);
      await post(payload, { "content-type": "application/octet-stream" });
      expect((await messages.take(2)).flat()).toEqual(["é€", Buffer.from([9])]);
    });
  });

  describe("over WebSocket", () => {
    test("text and binary pass both ways, binary with its type in front", async () => {
      const { client, socket } = await openWs();
      const messages = eventsOf(socket, "message");
      client.send("4hello");
      expect(await messages.next()).toEqual(["hello"]);
      client.send(Buffer.from([4, 1, 2, 3]));
      expect(await messages.next()).toEqual([Buffer.from([1, 2, 3])]);
      socket.send("hi");
      expect(await client.next()).toBe("4hi");
      socket.send(Buffer.from([1, 2, 3]));
      expect(await client.nextBinary()).toEqual(Buffer.from([4, 1, 2, 3]));
    });

    test("binary is base64 with b64=1", async () => {
      const { client, socket } = await openWs({ b64: "1" });
      socket.send(Buffer.from([1, 2, 3, 4]));
      expect(await client.next()).toBe("b4AQIDBA==");
    });

    test("order is kept for many messages of both kinds", async () => {
      const { client, socket } = await openWs();
      for (let i = 0; i < 200; i++) socket.send(i % 2 ? `m${i}` : Buffer.from([i]));
      for (let i = 0; i < 200; i++) {
        expect(await client.messages.next()).toEqual(i % 2 ? `4m${i}` : Buffer.from([4, i]));
      }
    });

    test.each(["abc", "", "9"])("the text %j is a parse error", async (text) => {
      const { client, closes } = await openWs();
      client.send(text);
      expect((await closes.next())[0]).toBe("parse error");
      await client.closed;
    });
  });

  describe("heartbeat", () => {
    test("the client pings and the server pongs (polling)", async () => {
      const { httpServer, socket, get, post } = await open();
      const heartbeats = eventsOf(socket, "heartbeat");
      const { response } = await pending(httpServer, get);
      await post("1:2");
      expect((await response).text).toBe("1:3");
      await heartbeats.next();
    });

    test("the client pings and the server pongs (WebSocket)", async () => {
      const { client, socket } = await openWs();
      const heartbeats = eventsOf(socket, "heartbeat");
      client.send("2");
      expect(await client.next()).toBe("3");
      await heartbeats.next();
    });

    test("a client that does not ping is closed after pingInterval + pingTimeout", async () => {
      const began = performance.now();
      const { closes } = await openWs({}, { pingInterval: 100, pingTimeout: 80 });
      expect((await closes.next())[0]).toBe("ping timeout");
      expect(performance.now() - began).toBeGreaterThan(160);
    });

    test("each ping gives it more time", async () => {
      const { client, closes, socket } = await openWs({}, { pingInterval: 200, pingTimeout: 300 });
      const began = performance.now();
      for (let i = 0; i < 6; i++) {
        client.send("2");
        expect(await client.next()).toBe("3");
        await new Promise((resolve) => setTimeout(resolve, 120));
      }
      expect(performance.now() - began).toBeGreaterThan(600);
      expect(socket.readyState).toBe("open");
      expect((await closes.next())[0]).toBe("ping timeout");
    });

    test("the server does not ping", async () => {
      const { client, closes } = await openWs({}, { pingInterval: 50, pingTimeout: 100 });
      await closes.next();
      expect(client.messages.drain()).toEqual([]);
    });

    test("a client's pong is an error", async () => {
      const { client, closes } = await openWs();
      client.send("3");
      const [reason, description] = await closes.next();
      expect(reason).toBe("transport error");
      expect(description).toMatchObject({ message: "invalid heartbeat direction" });
    });
  });

  describe("upgrade", () => {
    test("is probed and taken as in protocol 4", async () => {
      const { httpServer, port, socket, data, get } = await open();
      const { response } = await pending(httpServer, get);
      const ws = await WsClient.connect(port, { query: { EIO: "3", sid: data.sid } });
      ws.send("2probe");
      expect(await ws.next()).toBe("3probe");
      expect((await response).text).toBe("1:6");
      const upgraded = nextEvent(socket, "upgrade");
      ws.send("5");
      await upgraded;
      socket.send("hi");
      expect(await ws.next()).toBe("4hi");
      ws.send("2");
      expect(await ws.next()).toBe("3");
    });
  });

  describe("close", () => {
    test("by the client", async () => {
      const { httpServer, get, post, closes } = await open();
      const { response } = await pending(httpServer, get);
      await post("1:1");
      expect((await closes.next())[0]).toBe("transport close");
      expect((await response).text).toBe("1:6");
    });

    test("by the server with a pending poll, and without", async () => {
      const first = await open();
      const { response } = await pending(first.httpServer, first.get);
      first.socket.close();
      expect((await response).text).toBe("1:1");
      const second = await open();
      second.socket.close();
      expect((await second.get()).text).toBe("1:61:1");
    });
  });

  describe("JSONP polling", () => {
    const evaluate = (script: string) => {
      const received: string[] = [];
      new Function("___eio", script)(
        new Proxy([], { get: (_, key) => (text: string) => received.push(`${String(key)} ${text}`) }),
      );
      return received;
    };

    async function openJsonp(query: Record<string, string> = {}, options = {}) {
      const server = await startEngine(target, { allowEIO3: true, ...options });
      const base = `/engine.io/?${queryOf({ EIO: "3", transport: "polling", j: "0", ...query })}`;
      const handshake = await request(server.port, base);
      const sid = /"sid\\":\\"([^"\\]+)/.exec(handshake.text)?.[1];
      const [socket] = await server.connections.next();
      const path = `${base}&sid=${sid}`;
      return {
        ...server,
        handshake,
        socket,
        get: () => request(server.port, path),
        post: (body: string) =>
          request(server.port, path, {
            method: "POST",
            body,
            headers: { "content-type": "application/x-www-form-urlencoded" },
          }),
      };
    }

    test("answers with a call of the numbered function", async () => {
      const { handshake, socket } = await openJsonp();
      expect(handshake.text).toMatch(/^___eio\[0\]\("\d+:0\{\\"sid\\":/);
      expect(handshake.text.endsWith('");')).toBe(true);
      expect(handshake.headers["content-type"]).toBe("text/plain; charset=UTF-8");
      expect(socket.transport.name).toBe("polling");
      expect(evaluate(handshake.text)[0]).toMatch(/^0 \d+:0\{"sid":/);
    });

    test("keeps only the digits of the index, so that nothing can be injected", async () => {
      const { port } = await startEngine(target, { allowEIO3: true });
      const { text } = await request(
        port,
        `/engine.io/?EIO=3&transport=polling&j=${encodeURIComponent("4];alert(2);//")}`,
      );
      expect(text).toMatch(/^___eio\[42\]\("/);
    });

    test("escapes what JavaScript does not allow in a string", async () => {
      const { socket, get } = await openJsonp();
      socket.send('a\u2028b\u2029c"d\\e\nf</script>');
      const { text } = await get();
      expect(text).not.toMatch(/[\u2028\u2029\n]/);
      expect(evaluate(text)).toEqual(['0 21:4a\u2028b\u2029c"d\\e\nf</script>']);
    });

    test("reads the form field d", async () => {
      const { socket, post } = await openJsonp();
      const messages = eventsOf(socket, "message");
      expect((await post(`d=${encodeURIComponent("6:4hello")}`)).text).toBe("ok");
      expect(await messages.next()).toEqual(["hello"]);
    });

    test("reads newlines that the client escaped", async () => {
      const { socket, post } = await openJsonp();
      const messages = eventsOf(socket, "message");
      await post(`d=${encodeURIComponent("4:4a\\nb")}`);
      expect(await messages.next()).toEqual(["a\nb"]);
      await post(`d=${encodeURIComponent("5:4a\\\\nb")}`);
      expect(await messages.next()).toEqual(["a\\nb"]);
    });

    test("a POST without the field changes nothing", async () => {
      const { socket, post } = await openJsonp();
      const messages = eventsOf(socket, "message");
      expect((await post("x=1")).status).toBe(200);
      await post(`d=${encodeURIComponent("6:4hello")}`);
      expect(await messages.next()).toEqual(["hello"]);
      expect(socket.readyState).toBe("open");
    });

    test("binary goes as base64", async () => {
      const { socket, get } = await openJsonp({ b64: "1" });
      socket.send(Buffer.from([1, 2, 3, 4]));
      expect((await get()).text).toBe('___eio[0]("10:b4AQIDBA==");');
    });

    test("works for protocol 4 as well", async () => {
      const { port } = await startEngine(target);
      const { text } = await request(port, "/engine.io/?EIO=4&transport=polling&j=7");
      expect(text).toMatch(/^___eio\[7\]\("0\{/);
    });
  });

  test.each([["polling"], ["websocket"], ["polling", "websocket"]])(
    "socket.io-client 2.5 over %s",
    async (...transports) => {
      const { io, url } = await startIo(target, { allowEIO3: true });
      io.on("connection", (socket) => {
        socket.on("echo", (...args: unknown[]) => {
          const reply = args.pop() as (...values: unknown[]) => void;
          reply(...args);
        });
      });
      const { connect } = await loadClient("socket.io-client 2.5");
      const client = connect(url, { transports: transports.flat() });
      await nextEvent(client, "connect");
      const binary = Buffer.from([1, 2, 3]);
      const answer = await new Promise<unknown[]>((resolve) => {
        client.emit("echo", "ünï", { binary }, (...values: unknown[]) => resolve(values));
      });
      expect(answer[0]).toBe("ünï");
      expect(Buffer.from((answer[1] as { binary: Buffer }).binary)).toEqual(binary);
    },
  );
});
