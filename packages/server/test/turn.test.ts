import { expect, it } from "vitest";
import { Turn, type TurnOwner } from "../src/turn.ts";
import { pair, serve } from "./support.ts";

const nextRound = () => new Promise((resolve) => setImmediate(resolve));

function begin() {
  const owner: TurnOwner = { _turn: undefined, giveWay: () => {} };
  const turn = new Turn(owner);
  owner._turn = turn;
  const log: string[] = [];
  /** A packet that reaches its socket, which then has something for its listeners. */
  const bring = (name: string, onPacket = () => {}, onEvent = () => {}) =>
    turn.receive(
      () => {
        log.push(`packet ${name}`);
        turn.dispatch(
          () => {
            log.push(`event ${name}`);
            onEvent();
          },
          undefined,
          undefined,
        );
        onPacket();
      },
      undefined,
      undefined,
    );
  return { owner, turn, log, bring };
}

it("All packets reach their sockets before the first event its listeners.", async () => {
  const { owner, log, bring } = begin();
  bring("a");
  bring("b");
  expect(log).toEqual([]);
  await nextRound();
  expect(log).toEqual(["packet a", "packet b", "event a", "event b"]);
  expect(owner._turn).toBeUndefined();
});

it("What the application leaves for the next tick while packets come in precedes their events.", async () => {
  const { turn, log, bring } = begin();
  turn.split();
  bring("a", () => process.nextTick(() => log.push("tick")));
  bring("b");
  await nextRound();
  expect(log).toEqual(["packet a", "packet b", "tick", "event a", "event b"]);
});

it("A step that throws is an uncaught exception, and keeps no other from being done.", async () => {
  const { log, bring } = begin();
  const listeners = process.rawListeners("uncaughtException") as NodeJS.UncaughtExceptionListener[];
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", ({ message }) => log.push(message));
  const fail = (message: string) => () => {
    throw new Error(message);
  };
  bring("a", fail("first"));
  bring("b", undefined, fail("second"));
  bring("c");
  await nextRound();
  await nextRound();
  process.removeAllListeners("uncaughtException");
  for (const listener of listeners) process.on("uncaughtException", listener);
  expect(log).toEqual([
    "packet a",
    "first",
    "packet b",
    "packet c",
    "event a",
    "event b",
    "second",
    "event c",
  ]);
});

it("gives way once where one read brought many packets, and not where it brought some", async () => {
  const floods = [];
  for (const packets of [255, 256, 1_000]) {
    let count = 0;
    const turn = new Turn({ _turn: undefined, giveWay: () => count++ });
    for (let i = 0; i < packets; i++) turn.receive(() => {}, undefined, undefined);
    await nextRound();
    floods.push(count);
  }
  expect(floods).toEqual([0, 1, 1]);
});

it("does not read a connection that gave way until the others had their turn", async () => {
  const server = await serve();
  const [socket, client] = await pair(server);
  const { transport } = socket.conn as unknown as {
    transport: { rest(): void; socket: { isPaused: boolean } };
  };
  transport.rest();
  transport.rest();
  expect(transport.socket.isPaused).toBe(true);
  await nextRound();
  expect(transport.socket.isPaused).toBe(false);
  socket.on("ask", (answer) => answer("still there"));
  expect(await client.emitWithAck("ask")).toBe("still there");
});
