import { Agent } from "node:http";
import { describe, expect, test } from "vitest";
import { cleanUpLater } from "../../src/cleanup.ts";
import { eventsOf, nextEvent, turns, within } from "../../src/events.ts";
import { request } from "../../src/http-request.ts";
import { PollingClient } from "../../src/polling-client.ts";
import { pending, startEngine } from "../../src/servers.ts";
import { describeEachServer } from "../../src/targets.ts";
import { TcpClient } from "../../src/tcp-client.ts";

describeEachServer("engine polling", (target) => {
  async function open(options = {}) {
    const server = await startEngine(target, options);
    const client = await PollingClient.connect(server.port);
    const [socket] = await server.connections.next();
    return { ...server, client, socket };
  }

  describe("a GET", () => {
    test("waits until there is something to send", async () => {
      const { httpServer, client, socket } = await open();
      const { response } = await pending(httpServer, () => client.get());
      let answered = false;
      response.then(() => {
        answered = true;
      });
      await turns(20);
      expect(answered).toBe(false);
      socket.send("now");
      expect(await response).toMatchObject({ status: 200, text: "4now" });
    });

    test("answers with plain text of known length that no cache keeps", async () => {
      const { client, socket } = await open();
      socket.send("é");
      const { headers, bytes } = await client.get();
      expect(headers["content-type"]).toBe("text/plain; charset=UTF-8");
      expect(headers["content-length"]).toBe("3");
      expect(headers["cache-control"]).toBe("no-store");
      expect(bytes).toEqual(Buffer.from("4é"));
    });

    test("is answered at once with what has waited", async () => {
      const { client, socket } = await open();
      socket.send("a");
      await turns(3);
      socket.send("b");
      await turns(3);
      expect((await client.get()).text).toBe("4a\x1e4b");
    });

    test("a second one at once ends the session: the second is refused, the first gets a close packet", async () => {
      const { httpServer, client, socket } = await open();
      const closed = nextEvent(socket, "close");
      const { response } = await pending(httpServer, () => client.get());
      const second = await client.get();
      expect(second.status).toBe(400);
      expect(await response).toMatchObject({ status: 200, text: "1" });
      const [reason, description] = await closed;
      expect(reason).toBe("transport error");
      expect(description).toMatchObject({ message: "overlap from client", type: "TransportError" });
      expect((await client.get()).text).toBe('{"code":1,"message":"Session ID unknown"}');
    });

    test("that the client abandons ends the session", async () => {
      const { httpServer, client, socket } = await open();
      const closed = nextEvent(socket, "close");
      const abort = new AbortController();
      const { response } = await pending(httpServer, () => client.get({ signal: abort.signal }));
      abort.abort();
      await expect(response).rejects.toThrow();
      const [reason, description] = await closed;
      expect(reason).toBe("transport error");
      expect(description).toMatchObject({ message: "poll connection closed prematurely" });
    });

    test("whose headers never end holds up nobody", async () => {
      const { port, client, socket } = await open();
      const slow = await TcpClient.connect(port);
      slow.write(`GET ${client.target} HTTP/1.1\r\nHost: loc`);
      socket.send("hi");
      expect(await client.next()).toBe("4hi");
    });
  });

  describe("a POST", () => {
    test("is answered with ok, as a page that a browser does not download", async () => {
      const { client } = await open();
      const response = await client.post("4hello");
      expect(response).toMatchObject({ status: 200, text: "ok" });
      expect(response.headers["content-type"]).toBe("text/html");
      expect(response.headers["content-length"]).toBe("2");
      expect(response.headers["cache-control"]).toBe("no-store");
    });

    test("may carry many packets", async () => {
      const { client, socket } = await open();
      const messages = eventsOf(socket, "message");
      expect((await client.post("4a\x1ebAQIDBA==\x1e4\x1e4€")).status).toBe(200);
      expect((await messages.take(4)).flat()).toEqual(["a", Buffer.from([1, 2, 3, 4]), undefined, "€"]);
    });

    test("is heard before it is answered", async () => {
      const { client, socket } = await open();
      let heard = false;
      socket.on("message", () => {
        heard = true;
      });
      await client.post("4hello");
      expect(heard).toBe(true);
    });

    test("works while a poll is pending", async () => {
      const { httpServer, client, socket } = await open();
      socket.on("message", (data) => socket.send(`echo ${data}`));
      const { response } = await pending(httpServer, () => client.get());
      expect((await client.post("4hello")).text).toBe("ok");
      expect((await response).text).toBe("4echo hello");
    });

    test("does not depend on the content type, except that binary is refused in protocol 4", async () => {
      const { client, socket } = await open();
      const messages = eventsOf(socket, "message");
      for (const type of [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json",
        "text/plain; charset=latin1",
      ]) {
        expect((await client.post("4é", { headers: { "content-type": type } })).status).toBe(200);
        expect(await messages.next()).toEqual(["é"]);
      }
      const closed = nextEvent(socket, "close");
      const response = await client.post("4a", { headers: { "content-type": "application/octet-stream" } });
      expect(response.status).toBe(400);
      const [reason, description] = await closed;
      expect(reason).toBe("transport error");
      expect(description).toMatchObject({ message: "invalid content" });
    });

    test("whose characters are split between TCP segments is put together", async () => {
      const { port, client, socket } = await open();
      const messages = eventsOf(socket, "message");
      const body = Buffer.from("4a€b👍c");
      const tcp = await TcpClient.connect(port);
      tcp.socket.setNoDelay(true);
      tcp.write(`POST ${client.target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`);
      for (const byte of body) {
        tcp.write(Buffer.from([byte]));
        await turns(1);
      }
      expect((await tcp.response()).body.toString()).toBe("ok");
      expect(await messages.next()).toEqual(["a€b👍c"]);
    });

    test("in chunked encoding is read to its end", async () => {
      const { port, client, socket } = await open();
      const messages = eventsOf(socket, "message");
      const tcp = await TcpClient.connect(port);
      tcp.write(`POST ${client.target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
      tcp.write("3\r\n4he\r\n");
      await turns(3);
      tcp.write("3\r\nllo\r\n0\r\n\r\n");
      expect((await tcp.response()).status).toBe(200);
      expect(await messages.next()).toEqual(["hello"]);
    });

    test("a second one at once ends the session", async () => {
      const { httpServer, port, client, socket } = await open();
      const closed = nextEvent(socket, "close");
      const first = await TcpClient.connect(port);
      const arrived = nextEvent(httpServer, "request");
      first.write(`POST ${client.target} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n4unfinished`);
      await arrived;
      await turns(3);
      expect((await client.post("4second")).status).toBe(400);
      const [reason, description] = await closed;
      expect(reason).toBe("transport error");
      expect(description).toMatchObject({ message: "data request overlap from client" });
      await within(first.closed, "the unfinished request to be cut");
    });

    test("that the client abandons ends the session", async () => {
      const { httpServer, port, client, socket } = await open();
      const messages = eventsOf(socket, "message");
      const closed = nextEvent(socket, "close");
      const tcp = await TcpClient.connect(port);
      const arrived = nextEvent(httpServer, "request");
      tcp.write(`POST ${client.target} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n4unfinished`);
      await arrived;
      await turns(3);
      tcp.socket.destroy();
      const [reason, description] = await closed;
      expect(reason).toBe("transport error");
      expect(description).toMatchObject({ message: "data request connection closed prematurely" });
      expect(messages.size).toBe(0);
    });
  });

  describe("maxHttpBufferSize", () => {
    test("refuses a larger POST with 413 and hears nothing of it", async () => {
      const { client, socket } = await open({ maxHttpBufferSize: 5 });
      const messages = eventsOf(socket, "message");
      const response = await client.post("412345");
      expect(response.status).toBe(413);
      expect(response.text).toBe("");
      expect(messages.size).toBe(0);
    });

    test("allows a POST of exactly that size", async () => {
      const { client, socket } = await open({ maxHttpBufferSize: 5 });
      const messages = eventsOf(socket, "message");
      expect((await client.post("41234")).status).toBe(200);
      expect(await messages.next()).toEqual(["1234"]);
    });

    test("counts bytes, not characters", async () => {
      const { client } = await open({ maxHttpBufferSize: 6 });
      expect((await client.post("4€")).status).toBe(200);
      expect((await client.post("4€€")).status).toBe(413);
    });

    test("a refused POST does not end the session", async () => {
      const { client, socket } = await open({ maxHttpBufferSize: 5 });
      const messages = eventsOf(socket, "message");
      expect((await client.post("4123456789")).status).toBe(413);
      expect(socket.readyState).toBe("open");
      expect((await client.post("4ok")).status).toBe(200);
      expect(await messages.next()).toEqual(["ok"]);
      socket.send("hi");
      expect(await client.next()).toBe("4hi");
    });

    test("does not wait for the end of a body that is too large", async () => {
      const { port, client } = await open({ maxHttpBufferSize: 1000 });
      const tcp = await TcpClient.connect(port);
      tcp.write(`POST ${client.target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
      tcp.write(`7d0\r\n${"4".repeat(2000)}\r\n`);
      expect((await tcp.response()).status).toBe(413);
    });
  });

  test.each(["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])(
    "%s in a session is answered with 500 and changes nothing",
    async (method) => {
      const { client, socket } = await open();
      const response = await client.request({ method });
      expect(response.status).toBe(500);
      expect(response.bytes.length).toBe(0);
      expect(socket.readyState).toBe("open");
      socket.send("hi");
      expect(await client.next()).toBe("4hi");
    },
  );

  test("one TCP connection can carry the whole session", async () => {
    const { port, connections } = await startEngine(target);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    cleanUpLater(() => agent.destroy());
    const opened = await request(port, "/engine.io/?EIO=4&transport=polling", { agent });
    const { sid } = JSON.parse(opened.text.slice(1)) as { sid: string };
    const [socket] = await connections.next();
    const path = `/engine.io/?EIO=4&transport=polling&sid=${sid}`;
    for (let i = 0; i < 5; i++) {
      const messages = eventsOf(socket, "message");
      expect((await request(port, path, { agent, method: "POST", body: `4up ${i}` })).text).toBe("ok");
      expect(await messages.next()).toEqual([`up ${i}`]);
      socket.send(`down ${i}`);
      expect((await request(port, path, { agent })).text).toBe(`4down ${i}`);
    }
  });

  test("pipelined requests of one connection are answered in order", async () => {
    const { port, client, socket } = await open();
    const messages = eventsOf(socket, "message");
    socket.send("reply");
    const tcp = await TcpClient.connect(port);
    tcp.write(
      `POST ${client.target} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n4one` +
        `GET ${client.target} HTTP/1.1\r\nHost: x\r\n\r\n`,
    );
    expect((await tcp.response()).body.toString()).toBe("ok");
    expect((await tcp.response()).body.toString()).toBe("4reply");
    expect(await messages.next()).toEqual(["one"]);
  });

  test("the session's path may carry a changing time stamp", async () => {
    const { port, client, socket } = await open();
    socket.send("hi");
    expect((await request(port, `${client.target}&t=Oabc123.0`)).text).toBe("4hi");
  });
});
