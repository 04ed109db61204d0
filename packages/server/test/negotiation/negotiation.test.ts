import { HoldfastError, type Server } from "holdfast";
import { describe, expect, it } from "vitest";
import { type Control, type Extension, invalid } from "../../src/negotiation/index.ts";
import { connect, serve, Wire } from "./wire.ts";

const kept = { store: "memory", rooms: { "kept:*": { keep: true } } } as const;

/** Answers what it is asked, and every "holdfast:toy" with its arguments. */
function toy(more: Partial<Extension> = {}): Extension {
  return {
    name: "toy",
    controls: new Map([["holdfast:toy", (_socket, args, ack) => ack?.(...args)]]),
    negotiate: async (_socket, asked) => ({ asked }),
    ...more,
  };
}

const register = ({ io }: { io: Server }, extension: Extension) => io._negotiation!.register(extension);

it("marks the open frame of a server with a store, and of no other", async () => {
  const plain = await connect((await serve({})).port);
  expect(Object.keys(plain.open)).toEqual(["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]);
  const marked = await connect((await serve(kept)).port);
  expect(marked.open).toMatchObject({ holdfast: 1 });
});

it("answers what is asked for, and shows the application what is its own", async () => {
  const served = await serve(kept);
  register(served, toy());
  const seen: unknown[] = [];
  served.io.use(({ handshake }, next) => {
    seen.push({ ...handshake.auth });
    next();
  });
  const wire = await connect(served.port, { token: "t", holdfast: { toy: [1], other: {} } });
  const answer = await wire.json("40");
  expect(answer).toEqual({ sid: expect.any(String), holdfast: { toy: { asked: [1] } } });
  expect(seen).toEqual([{ token: "t" }]);
});

it("keeps the answer and all that follows it waiting for the extension", async () => {
  const served = await serve(kept);
  let answer!: (value: unknown) => void;
  register(served, toy({ negotiate: () => new Promise((resolve) => (answer = resolve)) }));
  served.io.on("connection", (socket) => socket.emit("welcome"));
  const wire = await connect(served.port, { holdfast: { toy: 1 } });
  const other = await connect(served.port);
  await other.json("40");
  expect(wire.heard).toEqual([]);
  expect(served.sockets).toHaveLength(1);
  answer("late");
  expect(await wire.json("40")).toMatchObject({ holdfast: { toy: "late" } });
  expect(await wire.json("42")).toEqual(["welcome"]);
});

it("gives a refusal in the place of the answer, and connects", async () => {
  const seen: unknown[] = [];
  const onError = (error: Error, { stage }: { stage: string }) => seen.push([error.message, stage]);
  const served = await serve({ ...kept, onError });
  register(served, toy({ negotiate: () => Promise.reject(invalid("no toy")) }));
  register(
    served,
    toy({
      name: "broken",
      negotiate: () => {
        throw Object.assign(new Error("/secret/path"), { code: "STORE_IO" });
      },
    }),
  );
  const wire = await connect(served.port, { holdfast: { toy: 1, broken: 1 } });
  expect(await wire.json("40")).toMatchObject({
    holdfast: {
      toy: { error: { code: "PROTOCOL_INVALID", message: "no toy" } },
      broken: { error: { code: "STORE_IO", message: expect.not.stringContaining("secret") } },
    },
  });
  expect(seen).toEqual([["/secret/path", "negotiate"]]);
  // what was not granted is not spoken
  const [socket] = served.sockets;
  const event = new Promise((resolve) => socket!.on("holdfast:toy", resolve));
  wire.say('42["holdfast:toy",5]');
  expect(await event).toBe(5);
});

it.each(["1", '"resume"', "[]", "null"])("closes the connection of who asks for %s", async (asked) => {
  const served = await serve(kept);
  const wire = new Wire(served.port);
  await wire.json("0");
  wire.say(`40{"holdfast":${asked}}`);
  await wire.closed;
  expect(served.sockets).toEqual([]);
});

it("takes control messages from who negotiated them, before anybody sees them", async () => {
  const served = await serve(kept);
  register(served, toy());
  const seen: unknown[] = [];
  served.io.on("connection", (socket) => {
    socket.onAny((...event) => seen.push(event));
    socket.use((event, next) => {
      seen.push(event);
      next();
    });
    socket.on("holdfast:toy", (...args) => seen.push(args));
  });
  const wire = await connect(served.port, { holdfast: { toy: {} } });
  await wire.json("40");
  wire.say('427["holdfast:toy",1,"two"]');
  expect(await wire.next()).toBe('437[1,"two"]');
  expect(seen).toEqual([]);
  const stock = await connect(served.port);
  await stock.json("40");
  stock.say('42["holdfast:toy",1]');
  stock.say('428["last"]');
  wire.say('429["holdfast:toy"]');
  await wire.next();
  await expect.poll(() => seen.length).toBeGreaterThan(2);
  expect(seen[0]).toEqual(["holdfast:toy", 1]);
});

it("takes reserved control messages from every socket, once they are reserved", async () => {
  const served = await serve(kept);
  const wire = await connect(served.port);
  await wire.json("40");
  const [socket] = served.sockets;
  const event = new Promise((resolve) => socket!.once("holdfast:queue:add", resolve));
  wire.say('42["holdfast:queue:add",1]');
  expect(await event).toBe(1);
  const add: Control = (_socket, args, ack) => ack?.(null, args);
  served.io._reserveControls(new Map([["holdfast:queue:add", add]]));
  wire.say('421["holdfast:queue:add",2]');
  expect(await wire.next()).toBe("431[null,[2]]");
});

it("closes the connection of who sends a malformed control message", async () => {
  const served = await serve(kept);
  const refuse = () => {
    throw new HoldfastError("PROTOCOL_INVALID", "no");
  };
  register(served, toy({ controls: new Map([["holdfast:toy", refuse]]) }));
  const wire = await connect(served.port, { holdfast: { toy: 1 } });
  await wire.json("40");
  const reason = new Promise((resolve) => served.sockets[0]!.on("disconnect", resolve));
  wire.say('42["holdfast:toy"]');
  expect(await reason).toBe("parse error");
  await wire.closed;
});

it("leaves the member to the application where nothing can be asked for", async () => {
  const { port, sockets } = await serve({});
  const wire = await connect(port, { holdfast: 1 });
  expect(await wire.json("40")).toEqual({ sid: expect.any(String) });
  expect(sockets[0]!.handshake.auth).toEqual({ holdfast: 1 });
});

it("tells an extension when its socket has connected and when it has gone", async () => {
  const served = await serve({ ...kept, connectionStateRecovery: {} });
  const seen: string[] = [];
  register(
    served,
    toy({
      onConnect: (socket) => seen.push(`connect ${socket.connected}`),
      onClose: () => seen.push("close"),
    }),
  );
  const wire = await connect(served.port, { holdfast: { toy: 1 } });
  expect(await wire.json("40")).toMatchObject({ pid: expect.any(String), holdfast: { toy: { asked: 1 } } });
  wire.socket.terminate();
  await expect.poll(() => seen).toEqual(["connect true", "close"]);
});

describe("a client that asks after CONNECT", () => {
  const late = (more: Partial<Extension> = {}) => toy({ isLate: true, ...more });

  it("gets the same answer, and is heard from then on, past middleware and listeners", async () => {
    const served = await serve(kept);
    register(served, late());
    const seen: unknown[] = [];
    served.io.on("connection", (socket) => {
      socket.onAny((...event) => seen.push(event));
      socket.use((event, next) => {
        seen.push(event);
        next();
      });
    });
    const wire = await connect(served.port);
    expect(await wire.json("40")).toEqual({ sid: expect.any(String) });
    wire.say('420["holdfast:ask",{"toy":[1],"other":{}}]');
    expect(await wire.json("430")).toEqual([{ toy: { asked: [1] } }]);
    wire.say('427["holdfast:toy",1,"two"]');
    expect(await wire.next()).toBe('437[1,"two"]');
    expect(seen).toEqual([]);
  });

  it("is told in order when its socket has the extension, and when it has gone", async () => {
    const served = await serve(kept);
    const seen: string[] = [];
    const onConnect = () => {
      seen.push("connect");
      served.sockets[0]!.emit("later");
    };
    register(served, late({ onConnect, onClose: () => seen.push("close") }));
    const wire = await connect(served.port);
    await wire.json("40");
    wire.say('420["holdfast:ask",{"toy":1}]');
    expect([await wire.next(), await wire.next()]).toEqual(['430[{"toy":{"asked":1}}]', '42["later"]']);
    wire.socket.terminate();
    await expect.poll(() => seen).toEqual(["connect", "close"]);
  });

  it("is answered each time, but granted an extension once", async () => {
    const served = await serve(kept);
    let asked = 0;
    let answer!: (value: unknown) => void;
    const negotiate = () => {
      asked++;
      return new Promise((resolve) => (answer = resolve));
    };
    register(served, late({ negotiate }));
    const wire = await connect(served.port);
    await wire.json("40");
    wire.say('420["holdfast:ask",{"toy":1}]');
    wire.say('421["holdfast:ask",{"toy":1}]');
    const refusal = [{ toy: { error: { code: "PROTOCOL_INVALID", message: expect.any(String) } } }];
    expect(await wire.json("431")).toEqual(refusal);
    answer("yes");
    expect(await wire.json("430")).toEqual([{ toy: "yes" }]);
    wire.say('422["holdfast:ask",{"toy":1}]');
    expect(await wire.json("432")).toEqual(refusal);
    expect(asked).toBe(1);
  });

  it("is refused what was asked for in CONNECT, granted or not", async () => {
    const served = await serve(kept);
    register(served, late());
    register(served, late({ name: "no", negotiate: () => Promise.reject(invalid("no")) }));
    const wire = await connect(served.port, { holdfast: { toy: 1, no: 1 } });
    await wire.json("40");
    wire.say('420["holdfast:ask",{"toy":1,"no":1}]');
    const error = { code: "PROTOCOL_INVALID", message: expect.stringContaining("before") };
    expect(await wire.json("430")).toEqual([{ toy: { error }, no: { error } }]);
    wire.say('421["holdfast:toy",5]');
    expect(await wire.json("431")).toEqual([5]);
  });

  it("is refused what has to be asked for in CONNECT, and keeps its socket", async () => {
    const served = await serve(kept);
    register(served, toy());
    const wire = await connect(served.port);
    await wire.json("40");
    wire.say('420["holdfast:ask",{"resume":{"credit":1},"toy":1}]');
    const error = { code: "PROTOCOL_INVALID", message: expect.stringContaining("CONNECT") };
    expect(await wire.json("430")).toEqual([{ resume: { error }, toy: { error } }]);
    served.sockets[0]!.emit("plain", 1);
    expect(await wire.json("42")).toEqual(["plain", 1]);
  });

  it("gets a refusal in the place of the answer, and does not speak it", async () => {
    const seen: unknown[] = [];
    const served = await serve({ ...kept, onError: (error) => seen.push(error.message) });
    const fail = () => Promise.reject(new Error("/secret/path"));
    register(served, late({ negotiate: fail }));
    const wire = await connect(served.port);
    await wire.json("40");
    wire.say('420["holdfast:ask",{"toy":1}]');
    const error = { code: "INTERNAL", message: expect.not.stringContaining("secret") };
    expect(await wire.json("430")).toEqual([{ toy: { error } }]);
    expect(seen).toEqual(["/secret/path"]);
    const event = new Promise((resolve) => served.sockets[0]!.on("holdfast:toy", resolve));
    wire.say('42["holdfast:toy",5]');
    expect(await event).toBe(5);
  });

  it("leaves nothing behind if it goes before the answer", async () => {
    const served = await serve(kept);
    const seen: string[] = [];
    let answer!: (value: unknown) => void;
    const negotiate = () => new Promise((resolve) => (answer = resolve));
    const onConnect = () => seen.push("connect");
    register(served, late({ negotiate, onConnect, onClose: () => seen.push("close") }));
    const wire = await connect(served.port);
    await wire.json("40");
    const gone = new Promise((resolve) => served.sockets[0]!.on("disconnect", resolve));
    wire.say('420["holdfast:ask",{"toy":1}]');
    wire.say("41");
    await gone;
    expect(seen).toEqual([]);
    answer("late");
    await expect.poll(() => seen).toEqual(["close"]);
  });

  it.each([
    '42["holdfast:ask",{"toy":1}]',
    '420["holdfast:ask"]',
    '420["holdfast:ask",1]',
    '420["holdfast:ask",["toy"]]',
    '420["holdfast:ask",null]',
  ])("loses its connection with %s", async (message) => {
    const served = await serve(kept);
    register(served, late());
    const wire = await connect(served.port);
    await wire.json("40");
    const reason = new Promise((resolve) => served.sockets[0]!.on("disconnect", resolve));
    wire.say(message);
    expect(await reason).toBe("parse error");
    await wire.closed;
  });

  it("is any client where the server has no mark", async () => {
    const { port, sockets } = await serve({});
    const wire = await connect(port);
    await wire.json("40");
    sockets[0]!.on("holdfast:ask", (asked, ack) => ack(asked));
    wire.say('420["holdfast:ask",{"toy":1}]');
    expect(await wire.json("430")).toEqual([{ toy: 1 }]);
  });
});
