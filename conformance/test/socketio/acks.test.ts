import { describe, expect, it } from "vitest";
import { awaited, conformance, nextTurn, once, type Socket, transportCases } from "./support.ts";

conformance("acknowledgements", (kit) => {
  for (const { title, transports } of transportCases) {
    describe(`over ${title}`, () => {
      const options = { transports };

      it("answer a client's event", async () => {
        const [socket, client] = await kit.pair(await kit.serve(), "/", options);
        socket.on("question", (a, b, reply) => reply(a + b, { sum: true }));
        const answer = await awaited<unknown[]>("the ack", (resolve) => {
          client.emit("question", 1, 2, (...args: unknown[]) => resolve(args));
        });
        expect(answer).toEqual([3, { sum: true }]);
      });

      it("answer a server's event", async () => {
        const [socket, client] = await kit.pair(await kit.serve(), "/", options);
        client.on("question", (a, b, reply) => reply(a + b, { sum: true }));
        const answer = await awaited<unknown[]>("the ack", (resolve) => {
          socket.emit("question", 1, 2, (...args: unknown[]) => resolve(args));
        });
        expect(answer).toEqual([3, { sum: true }]);
      });

      it("answer without arguments", async () => {
        const [socket, client] = await kit.pair(await kit.serve(), "/", options);
        socket.on("question", (reply) => reply());
        client.on("question", (reply) => reply());
        const answer = (emitter: { emit(event: string, ack: (...args: unknown[]) => void): unknown }) =>
          awaited<unknown[]>("the ack", (resolve) => emitter.emit("question", (...args) => resolve(args)));
        expect(await answer(client)).toEqual([]);
        expect(await answer(socket)).toEqual([]);
      });

      it("carry bytes, both ways", async () => {
        const [socket, client] = await kit.pair(await kit.serve(), "/", options);
        socket.on("question", (bytes, reply) => reply({ echo: bytes }, Buffer.from("s")));
        client.on("question", (bytes, reply) => reply({ echo: bytes }, Buffer.from("c")));
        const ask = (emitter: { emit(event: string, ...args: unknown[]): unknown }) =>
          awaited<unknown[]>("the ack", (resolve) =>
            emitter.emit("question", Buffer.from([1, 2]), (...args: unknown[]) => resolve(args)),
          );
        expect(await ask(client)).toEqual([{ echo: Buffer.from([1, 2]) }, Buffer.from("s")]);
        expect(await ask(socket)).toEqual([{ echo: Buffer.from([1, 2]) }, Buffer.from("c")]);
      });

      it("find their own question when many are asked at once", async () => {
        const [socket, client] = await kit.pair(await kit.serve(), "/", options);
        client.on("echo", (n, reply) => setTimeout(reply, n % 3, n));
        socket.on("echo", (n, reply) => setTimeout(reply, n % 3, n));
        const numbers = Array.from({ length: 30 }, (_, n) => n);
        expect(await Promise.all(numbers.map((n) => socket.emitWithAck("echo", n)))).toEqual(numbers);
        expect(await Promise.all(numbers.map((n) => client.emitWithAck("echo", n)))).toEqual(numbers);
      });
    });
  }

  it("are sent once, however often the function is called", async () => {
    const running = await kit.serve();
    running.io.on("connection", (socket) => {
      socket.on("question", (reply) => {
        reply("first");
        reply("second");
      });
    });
    const webSocket = await kit.rawWebSocket(running);
    webSocket.send("40");
    await webSocket.next();
    webSocket.send('427["question"]');
    expect(await webSocket.next()).toBe('437["first"]');
    running.io.emit("next");
    expect(await webSocket.next()).toBe('42["next"]');
  });

  it("are dropped when the socket has gone meanwhile", async () => {
    const [socket, client] = await kit.pair(await kit.serve());
    const asked = once<[() => void]>(socket, "question");
    client.emit("question", () => {});
    const [reply] = await asked;
    const gone = once(socket, "disconnect");
    client.disconnect();
    await gone;
    expect(() => reply()).not.toThrow();
  });

  it("are ignored when nobody asked", async () => {
    const running = await kit.serve();
    const webSocket = await kit.rawWebSocket(running);
    webSocket.send("40");
    await webSocket.next();
    webSocket.send('43999["surprise"]');
    webSocket.send('430["surprise"]');
    running.io.emit("alive");
    expect(await webSocket.next()).toBe('42["alive"]');
  });

  it("are taken once", async () => {
    const running = await kit.serve();
    const arrival = once<[Socket]>(running.io, "connection");
    const webSocket = await kit.rawWebSocket(running);
    webSocket.send("40");
    await webSocket.next();
    const [socket] = await arrival;
    const answers: unknown[] = [];
    socket.emit("question", (answer: unknown) => answers.push(answer));
    expect(await webSocket.next()).toBe('420["question"]');
    const fence = once(socket, "fence");
    webSocket.send('430["one"]');
    webSocket.send('430["two"]');
    webSocket.send('42["fence"]');
    await fence;
    expect(answers).toEqual(["one"]);
    expect((socket as unknown as { acks: Map<number, unknown> }).acks.size).toBe(0);
  });

  it("are numbered from 0 in each namespace", async () => {
    const running = await kit.serve();
    running.io.of("/chat");
    const webSocket = await kit.rawWebSocket(running);
    webSocket.send("40");
    await webSocket.next();
    webSocket.send("40/chat,");
    await webSocket.next();
    const [main] = running.io.sockets.sockets.values();
    const [chat] = running.io.of("/chat").sockets.values();
    main!.emit("a", () => {});
    main!.emit("b", () => {});
    chat!.emit("c", () => {});
    expect([await webSocket.next(), await webSocket.next(), await webSocket.next()]).toEqual([
      '420["a"]',
      '421["b"]',
      '42/chat,0["c"]',
    ]);
  });

  it("count per namespace, not per socket", async () => {
    const running = await kit.serve();
    const sockets = [];
    for (let i = 0; i < 2; i++) {
      const webSocket = await kit.rawWebSocket(running);
      webSocket.send("40");
      await webSocket.next();
      sockets.push(webSocket);
    }
    const [one, two] = [...running.io.sockets.sockets.values()];
    one!.emit("a", () => {});
    two!.emit("a", () => {});
    expect([await sockets[0]!.next(), await sockets[1]!.next()]).toEqual(['420["a"]', '421["a"]']);
  });

  describe("with a time-out", () => {
    it("fail when the client does not answer", async () => {
      const [socket] = await kit.pair(await kit.serve());
      const args = await awaited<unknown[]>("the ack", (resolve) => {
        expect(socket.timeout(10)).toBe(socket);
        socket.timeout(10).emit("silence", (...result: unknown[]) => resolve(result));
      });
      expect(args).toHaveLength(1);
      expect(args[0]).toBeInstanceOf(Error);
      expect((args[0] as Error).message).toBe("operation has timed out");
    });

    it("answer with null as the error first", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      client.on("echo", (a, b, reply) => reply(a, b));
      const args = await awaited<unknown[]>("the ack", (resolve) => {
        socket.timeout(5_000).emit("echo", 1, { a: 2 }, (...result: unknown[]) => resolve(result));
      });
      expect(args).toEqual([null, 1, { a: 2 }]);
    });

    it("fail at once with a time-out of 0", async () => {
      const [socket] = await kit.pair(await kit.serve());
      await expect(socket.timeout(0).emitWithAck("silence")).rejects.toThrow("operation has timed out");
    });

    it("ignore an answer that comes too late", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      const asked = once<[() => void]>(client, "slow");
      const calls: unknown[][] = [];
      const timedOut = awaited<void>("the time-out", (resolve) => {
        socket.timeout(5).emit("slow", (...args: unknown[]) => {
          calls.push(args);
          resolve();
        });
      });
      const [reply] = await asked;
      await timedOut;
      const fence = once(socket, "fence");
      reply();
      client.emit("fence");
      await fence;
      expect(calls).toHaveLength(1);
      expect((socket as unknown as { acks: Map<number, unknown> }).acks.size).toBe(0);
    });

    it("hold for one emit only", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      client.on("echo", (value, reply) => reply(value));
      await socket.timeout(5_000).emitWithAck("echo", 1);
      const args = await awaited<unknown[]>("the ack", (resolve) => {
        socket.emit("echo", 2, (...result: unknown[]) => resolve(result));
      });
      expect(args).toEqual([2]);
    });

    it("pass bytes", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      client.on("echo", (value, reply) => reply(value));
      expect(await socket.timeout(5_000).emitWithAck("echo", Buffer.from([1]))).toEqual(Buffer.from([1]));
    });
  });

  describe("as promises", () => {
    it("resolve with the first argument of the answer", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      client.on("question", (value, reply) => reply(value + 1, "ignored"));
      socket.on("question", (value, reply) => reply(value + 2, "ignored"));
      expect(await socket.emitWithAck("question", 1)).toBe(2);
      expect(await client.emitWithAck("question", 1)).toBe(3);
      expect(await socket.timeout(5_000).emitWithAck("question", 1)).toBe(2);
      expect(await client.timeout(5_000).emitWithAck("question", 1)).toBe(3);
    });

    it("reject when the time-out passes", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      await expect(socket.timeout(5).emitWithAck("silence")).rejects.toThrow("operation has timed out");
      await expect(client.timeout(5).emitWithAck("silence")).rejects.toThrow("operation has timed out");
    });

    it("resolve with undefined for an empty answer", async () => {
      const [socket, client] = await kit.pair(await kit.serve());
      client.on("question", (reply) => reply());
      expect(await socket.emitWithAck("question")).toBeUndefined();
    });
  });

  it("stay unanswered when the client leaves, without a time-out", async () => {
    const [socket, client] = await kit.pair(await kit.serve());
    let called = false;
    socket.emit("silence", () => {
      called = true;
    });
    const gone = once(socket, "disconnect");
    client.disconnect();
    await gone;
    await nextTurn();
    expect(called).toBe(false);
  });

  it("fail after the time-out when the client leaves", async () => {
    const [socket, client] = await kit.pair(await kit.serve());
    const answer = socket.timeout(20).emitWithAck("silence");
    client.disconnect();
    await expect(answer).rejects.toThrow("operation has timed out");
  });

  it("may be given as the only argument of send()", async () => {
    const [socket, client] = await kit.pair(await kit.serve());
    client.on("message", (reply) => reply("got it"));
    const answer = await awaited<unknown>("the ack", (resolve) => socket.send(resolve));
    expect(answer).toBe("got it");
  });

  it("are plain arguments when the function is not the last one", async () => {
    const [socket, client] = await kit.pair(await kit.serve());
    const heard = once(client, "event");
    socket.emit("event", () => {}, 1);
    expect(await heard).toEqual([null, 1]);
  });
});
