/** Input that no honest client sends closes at most its own connection; nobody else notices. */
import { expect, it } from "vitest";
import { randomFrom } from "./random.ts";
import { type ClientSocket, conformance, once, type Running, type Socket, until } from "./support.ts";

const VALID = [
  "40",
  "40/chat,",
  '40/chat,{"token":"abc"}',
  '42["message",1,{"a":[true,null]}]',
  '4212["message","text"]',
  '42/chat,7["message"]',
  '430["answer"]',
  '451-["message",{"_placeholder":true,"num":0}]',
  '452-/chat,3["message",{"_placeholder":true,"num":0},[{"_placeholder":true,"num":1}]]',
  '461-0[{"_placeholder":true,"num":0}]',
  "41",
  "41/chat,",
  '44{"message":"x"}',
  "2probe",
  "3",
  "6",
];
const PIECES = [
  '"',
  "{",
  "}",
  "[",
  "]",
  ",",
  "-",
  "/",
  "0",
  "9",
  "__proto__",
  "\u0000",
  "é",
  "\ud800",
  "1e999",
  "null",
];

conformance("hostile packets", (kit) => {
  /** A server with a client that must notice nothing. */
  async function watched(): Promise<{ running: Running; stillFine(): Promise<void> }> {
    const running = await kit.serve();
    running.io.of("/chat").on("connection", (socket) => socket.emit("question", () => {}));
    running.io.on("connection", (socket) => {
      socket.on("message", (...args) => {
        const reply = args.at(-1);
        if (typeof reply === "function") reply(...args.slice(0, -1));
      });
      socket.emit("question", () => {});
    });
    const [socket, bystander]: [Socket, ClientSocket] = await kit.pair(running);
    socket.on("alive", (reply) => reply(true));
    return {
      running,
      async stillFine() {
        expect(await bystander.timeout(5_000).emitWithAck("alive")).toBe(true);
        expect(bystander.connected).toBe(true);
      },
    };
  }

  for (const seed of [1, 2, 3, 4, 5]) {
    it(`made by random changes, seed ${seed}`, async () => {
      const random = randomFrom(seed);
      const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
      const mutate = (packet: string): string | Buffer => {
        if (random(8) === 0) return Buffer.from(packet);
        for (let edits = random(4); edits > 0; edits--) {
          const at = random(packet.length + 1);
          const cut = random(3);
          packet = packet.slice(0, at) + (random(2) ? pick(PIECES) : "") + packet.slice(at + cut);
        }
        return packet;
      };
      const { running, stillFine } = await watched();
      for (let i = 0; i < 40; i++) {
        const raw = await kit.rawWebSocket(running);
        if (random(4)) raw.send("40");
        for (let packets = 1 + random(8); packets > 0; packets--) raw.send(mutate(pick(VALID)));
        if (random(2)) raw.socket.terminate();
        else raw.socket.close();
        await raw.closed;
      }
      await stillFine();
      const { clients } = running.io.engine as unknown as { clients: Record<string, unknown> };
      await until("the others to be gone", () => Object.keys(clients).length === 1);
      expect(running.io.of("/").sockets.size).toBe(1);
      expect(running.io.of("/chat").sockets.size).toBe(0);
      expect(running.io.of("/").adapter.sids.size).toBe(1);
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    });
  }

  it("that ask for namespace after namespace", async () => {
    const { running, stillFine } = await watched();
    const raw = await kit.rawWebSocket(running);
    for (let i = 0; i < 500; i++) raw.send(`40/unknown-${i},`);
    for (let i = 0; i < 500; i++)
      expect(await raw.next()).toBe(`44/unknown-${i},{"message":"Invalid namespace"}`);
    expect(running.io._nsps.size).toBe(2);
    await stillFine();
  });

  it("that join and leave without end", async () => {
    const { running, stillFine } = await watched();
    const raw = await kit.rawWebSocket(running);
    for (let i = 0; i < 100; i++) {
      raw.send("40/chat,");
      expect(await raw.next()).toMatch(/^40\/chat,/);
      await raw.next();
      const [socket] = running.io.of("/chat").sockets.values();
      const gone = once(socket!, "disconnect");
      raw.send("41/chat,");
      await gone;
    }
    expect(running.io.of("/chat").sockets.size).toBe(0);
    await stillFine();
  });

  it("that announce attachments and never send them", async () => {
    const { running, stillFine } = await watched();
    for (let i = 0; i < 50; i++) {
      const raw = await kit.rawWebSocket(running);
      raw.send("40");
      await raw.next();
      raw.send('459-["message",{"_placeholder":true,"num":0}]');
      raw.send(Buffer.alloc(100));
      raw.socket.terminate();
      await raw.closed;
    }
    await stillFine();
  });

  it("with an event name of half a megabyte", async () => {
    const { running, stillFine } = await watched();
    const raw = await kit.rawWebSocket(running);
    raw.send("40");
    await raw.next();
    await raw.next();
    raw.send(`42["${"x".repeat(500_000)}"]`);
    raw.send('421["message","still here"]');
    expect(await raw.next()).toBe('431["still here"]');
    await stillFine();
  });

  it("with keys that would change prototypes, beside bytes and in every position", async () => {
    const { running, stillFine } = await watched();
    const raw = await kit.rawWebSocket(running);
    raw.send('40{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
    await raw.next();
    await raw.next();
    raw.send(
      '451-1["message",{"__proto__":{"polluted":{"_placeholder":true,"num":0}},"constructor":{"prototype":{"polluted":1}}}]',
    );
    raw.send(Buffer.from([1]));
    expect(await raw.next()).toMatch(/^4[36]/);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    await stillFine();
  });

  it("in one polling payload with good ones", async () => {
    const { running, stillFine } = await watched();
    const polling = await kit.rawPolling(running);
    await polling
      .post(["40", '42["message",1]', "4nonsense", '42["message",2]'].join("\u001e"))
      .catch(() => undefined);
    await stillFine();
    const { clients } = running.io.engine as unknown as { clients: Record<string, unknown> };
    await polling.get().catch(() => undefined);
    await until("it to be gone", () => Object.keys(clients).length === 1);
  });

  it("that answer questions never asked, or asked of someone else", async () => {
    const { running, stillFine } = await watched();
    const raw = await kit.rawWebSocket(running);
    raw.send("40");
    await raw.next();
    for (let id = 0; id < 200; id++) raw.send(`43${id}["made up"]`);
    raw.send('43999999999999999999999["made up"]');
    raw.send('421["message"]');
    await raw.next();
    expect(await raw.next()).toBe("431[]");
    await stillFine();
  });
});
