import { describe, expect, it } from "vitest";
import { awaited, conformance, once, type Socket, transportCases } from "./support.ts";

type WithResponses = Error & { responses: unknown[] };
type Acks = { acks: Map<number, unknown> };

conformance("broadcast acknowledgements", (kit) => {
  for (const { title, transports } of transportCases) {
    it(`collect one answer of each client (${title})`, async () => {
      const running = await kit.serve();
      const pairs = await kit.pairs(3, running, "/", { transports });
      pairs.forEach(([, client], i) => {
        client.on("question", (value, reply) => reply(`${value} ${i}`));
      });
      const [error, responses] = await awaited<[unknown, unknown[]]>("the acks", (resolve) => {
        running.io.timeout(5_000).emit("question", "yes", (...args: [unknown, unknown[]]) => resolve(args));
      });
      expect(error).toBeNull();
      expect(responses.sort()).toEqual(["yes 0", "yes 1", "yes 2"]);
    });

    it(`give the answers that came when the time-out passes (${title})`, async () => {
      const running = await kit.serve();
      const [[, one], [, two], [, three]] = await kit.pairs(3, running, "/", { transports });
      one.on("question", (reply) => reply(1));
      two.on("question", (reply) => reply(2));
      const asked = once(three, "question");
      const [error, responses] = await awaited<[Error, unknown[]]>("the acks", (resolve) => {
        running.io.timeout(300).emit("question", (...args: [Error, unknown[]]) => resolve(args));
      });
      await asked;
      expect(error).toBeInstanceOf(Error);
      expect(error.message).toBe("operation has timed out");
      expect(responses.sort()).toEqual([1, 2]);
    });
  }

  it("carry bytes in questions and answers", async () => {
    const running = await kit.serve();
    const pairs = await kit.pairs(2, running);
    for (const [, client] of pairs) client.on("question", (bytes, reply) => reply({ echo: bytes }));
    expect(await running.io.timeout(5_000).emitWithAck("question", Buffer.from([1, 2]))).toEqual([
      { echo: Buffer.from([1, 2]) },
      { echo: Buffer.from([1, 2]) },
    ]);
  });

  it("resolve as a promise with the answers", async () => {
    const running = await kit.serve();
    const [, client] = await kit.pair(running);
    client.on("question", (reply) => reply("answer", "ignored"));
    expect(await running.io.timeout(5_000).emitWithAck("question")).toEqual(["answer"]);
  });

  it("reject as a promise with the answers that came as error.responses", async () => {
    const running = await kit.serve();
    const [[, one]] = await kit.pairs(2, running);
    one.on("question", (reply) => reply("one"));
    const error = await running.io
      .timeout(200)
      .emitWithAck("question")
      .then(
        () => undefined,
        (reason: WithResponses) => reason,
      );
    expect(error).toBeInstanceOf(Error);
    expect(error!.message).toBe("operation has timed out");
    expect(error!.responses).toEqual(["one"]);
  });

  describe("with zero clients", () => {
    it("answer at once with nothing", async () => {
      const running = await kit.serve();
      expect(await running.io.timeout(5_000).emitWithAck("question")).toEqual([]);
      expect(await running.io.to("nobody").timeout(5_000).emitWithAck("question")).toEqual([]);
      const args = await awaited<unknown[]>("the acks", (resolve) => {
        running.io
          .of("/chat")
          .timeout(5_000)
          .emit("question", (...result: unknown[]) => resolve(result));
      });
      expect(args).toEqual([null, []]);
    });

    it("answer a socket alone in its room with nothing", async () => {
      const running = await kit.serve();
      const [socket] = await kit.pair(running);
      expect(await socket.broadcast.timeout(5_000).emitWithAck("question")).toEqual([]);
      expect(await socket.timeout(5_000).broadcast.emitWithAck("question")).toEqual([]);
    });
  });

  it("ask only whom the chain targets, each once", async () => {
    const running = await kit.serve();
    const pairs = await kit.pairs(4, running);
    const asked = [0, 0, 0, 0];
    pairs.forEach(([, client], i) => {
      client.on("question", (reply) => {
        asked[i] = (asked[i] ?? 0) + 1;
        reply(i);
      });
    });
    pairs[0][0].join(["a", "b"]);
    pairs[1][0].join("a");
    pairs[2][0].join("b");
    pairs[2][0].join("c");
    const answers = await running.io.to(["a", "b"]).except("c").timeout(5_000).emitWithAck("question");
    expect(answers.sort()).toEqual([0, 1]);
    expect(asked).toEqual([1, 1, 0, 0]);
  });

  it("leave out the sender of socket.to() and socket.broadcast", async () => {
    const running = await kit.serve();
    const pairs = await kit.pairs(3, running);
    pairs.forEach(([socket, client], i) => {
      socket.join("room");
      client.on("question", (reply) => reply(i));
    });
    const [first] = pairs[0];
    expect((await first.to("room").timeout(5_000).emitWithAck("question")).sort()).toEqual([1, 2]);
    expect((await first.broadcast.timeout(5_000).emitWithAck("question")).sort()).toEqual([1, 2]);
  });

  it("stay within their namespace", async () => {
    const running = await kit.serve();
    const [, elsewhere] = await kit.pair(running);
    const [, client] = await kit.pair(running, "/chat");
    elsewhere.on("question", (reply) => reply("elsewhere"));
    client.on("question", (reply) => reply("chat"));
    expect(await running.io.of("/chat").timeout(5_000).emitWithAck("question")).toEqual(["chat"]);
  });

  it("ignore answers that come too late, and forget the question", async () => {
    const running = await kit.serve();
    const [socket, client] = await kit.pair(running);
    const asked = once<[(value: string) => void]>(client, "question");
    let calls = 0;
    const timedOut = awaited<void>("the time-out", (resolve) => {
      running.io.timeout(20).emit("question", () => {
        calls++;
        resolve();
      });
    });
    const [reply] = await asked;
    await timedOut;
    expect((socket as unknown as Acks).acks.size).toBe(0);
    const fence = once(socket, "fence");
    reply("late");
    client.emit("fence");
    await fence;
    expect(calls).toBe(1);
  });

  it("forget the question once all have answered", async () => {
    const running = await kit.serve();
    const [socket, client] = await kit.pair(running);
    client.on("question", (reply) => reply(1));
    await running.io.timeout(5_000).emitWithAck("question");
    const fence = once(socket, "fence");
    client.emit("fence");
    await fence;
    expect((socket as unknown as Acks).acks.size).toBe(0);
  });

  it("give what came when a client leaves without answering", async () => {
    const running = await kit.serve();
    const pairs = await kit.pairs(2, running);
    pairs[0][1].on("question", (reply) => reply(0));
    pairs[1][1].on("question", () => pairs[1][1].disconnect());
    const error = await running.io
      .timeout(200)
      .emitWithAck("question")
      .catch((reason: WithResponses) => reason);
    expect((error as WithResponses).responses).toEqual([0]);
  });

  it("take answers without arguments as undefined", async () => {
    const running = await kit.serve();
    const [, client] = await kit.pair(running);
    client.on("question", (reply) => reply());
    expect(await running.io.timeout(5_000).emitWithAck("question")).toEqual([undefined]);
  });

  it("use one number for all clients, from the namespace's sequence", async () => {
    const running = await kit.serve();
    const raw = [];
    for (let i = 0; i < 2; i++) {
      const webSocket = await kit.rawWebSocket(running);
      webSocket.send("40");
      await webSocket.next();
      raw.push(webSocket);
    }
    const [one] = running.io.sockets.sockets.values();
    one!.emit("direct", () => {});
    const answers = running.io.timeout(5_000).emitWithAck("all");
    expect(await raw[0]!.next()).toBe('420["direct"]');
    expect(await raw[0]!.next()).toBe('421["all"]');
    expect(await raw[1]!.next()).toBe('421["all"]');
    raw[0]!.send('431["a"]');
    raw[1]!.send('431["b"]');
    expect((await answers).sort()).toEqual(["a", "b"]);
  });

  it("work with the sockets of fetchSockets()", async () => {
    const running = await kit.serve();
    const [, client] = await kit.pair(running);
    client.on("question", (value, reply) => reply(value + 1));
    const [socket] = await running.io.fetchSockets();
    expect(await socket!.timeout(5_000).emitWithAck("question", 1)).toBe(2);
    expect(await (socket as unknown as Socket).emitWithAck("question", 2)).toBe(3);
  });
});
