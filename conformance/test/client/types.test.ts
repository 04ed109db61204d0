import type * as Ours from "holdfast-client";
import { io } from "holdfast-client";
import type * as Stock from "socket.io-client";
import { expect, expectTypeOf, test } from "vitest";

// Checked by the compiler (npm run check); nothing of it runs but the last lines.

interface FromServer {
  news: (text: string, at: number) => void;
  ask: (question: string, answer: (reply: boolean) => void) => void;
}

interface ToServer {
  say: (text: string) => void;
  add: (a: number, b: number, answer: (sum: number) => void) => void;
}

const options = { autoConnect: false };
const socket: Ours.Socket<FromServer, ToServer> = io("http://localhost:1", options);

test("events are typed as with socket.io-client", () => {
  const declare = () => {
    socket.on("news", (text, at) => {
      expectTypeOf(text).toEqualTypeOf<string>();
      expectTypeOf(at).toEqualTypeOf<number>();
    });
    socket.on("ask", (question, answer) => {
      expectTypeOf(question).toEqualTypeOf<string>();
      answer(true);
      // @ts-expect-error the reply is a boolean
      answer("yes");
    });
    // @ts-expect-error the server sends no such event
    socket.on("gossip", () => {});
    socket.once("connect", () => {});
    socket.on("disconnect", (reason, details) => {
      expectTypeOf(reason).toEqualTypeOf<Ours.Socket.DisconnectReason>();
      expectTypeOf(details).toEqualTypeOf<Ours.DisconnectDescription | undefined>();
    });
    socket.on("connect_error", (error) => expectTypeOf(error.message).toEqualTypeOf<string>());
    socket.emit("say", "hello");
    // @ts-expect-error a text is due
    socket.emit("say", 1);
    // @ts-expect-error there is no such event
    socket.emit("shout", "hello");
    socket.emit("add", 1, 2, (sum) => expectTypeOf(sum).toEqualTypeOf<number>());
    socket.timeout(5).emit("add", 1, 2, (error, sum) => {
      expectTypeOf(error).toEqualTypeOf<Error>();
      expectTypeOf(sum).toEqualTypeOf<number>();
    });
    expectTypeOf(socket.emitWithAck("add", 1, 2)).toEqualTypeOf<Promise<number>>();
    void socket.timeout(5).emitWithAck("add", 1, 2);
    socket.volatile.compress(false).emit("say", "x");
  };
  expect(declare).toBeTypeOf("function");
});

test("a socket without types takes any event", () => {
  const declare = () => {
    const plain = io();
    plain.on("anything", (a, b, c) => [a, b, c]);
    plain.emit("anything", 1, "2", { three: 3 }, (answer: string) => answer);
    expectTypeOf(plain.io.engine.transport.name).toEqualTypeOf<string>();
    plain.io.on("reconnect_attempt", (attempt) => expectTypeOf(attempt).toEqualTypeOf<number>());
    expectTypeOf(plain.io.reconnectionDelay()).toEqualTypeOf<number>();
    expectTypeOf(plain.io.reconnectionDelay(1).reconnection(false).timeout()).toEqualTypeOf<
      number | boolean
    >();
    const manager = new (null as unknown as typeof Ours.Manager)("http://localhost", { path: "/x" });
    const one: Ours.Socket = manager.socket("/", { auth: { token: "t" } });
    const of: Ours.Manager = one.io;
    return of;
  };
  expect(declare).toBeTypeOf("function");
});

test("options of socket.io-client are options of ours", () => {
  const declare = (
    given: Partial<
      Omit<
        Stock.ManagerOptions,
        "transports" | "host" | "hostname" | "port" | "secure" | "transportImplementations"
      > &
        Stock.SocketOptions
    >,
  ) => {
    const ours: Partial<Ours.ManagerOptions & Ours.SocketOptions> = given;
    return ours;
  };
  expect(declare({ retries: 1 })).toEqual({ retries: 1 });
});
