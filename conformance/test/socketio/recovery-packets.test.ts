import { describe, expect, it } from "vitest";
import { lostSession } from "./recovery.ts";
import { conformance, once } from "./support.ts";

conformance("connection state recovery in raw packets", (kit) => {
  const enabled = { connectionStateRecovery: {} };

  describe("is not granted", () => {
    for (const [what, auth] of [
      ["a pid that nobody has", '{"pid":"unknown","offset":"$offset"}'],
      ["a pid that is no text", '{"pid":1,"offset":"$offset"}'],
      ["a pid that is an object", '{"pid":{"a":1},"offset":"$offset"}'],
      ["a pid named as objects' own parts are", '{"pid":"__proto__","offset":"$offset"}'],
      ["an unknown offset", '{"pid":"$pid","offset":"unknown"}'],
      ["no offset", '{"pid":"$pid"}'],
      ["an offset that is no text", '{"pid":"$pid","offset":1}'],
    ]) {
      it(`for ${what}, and the client is connected anew`, async () => {
        const running = await kit.serve(enabled);
        const { pid, offset } = await lostSession(kit, running);
        const polling = await kit.rawPolling(running);
        await polling.send(`40${auth!.replace("$pid", pid).replace("$offset", offset)}`);
        const packet = await polling.next();
        expect(packet.startsWith("40")).toBe(true);
        const answer = JSON.parse(packet.slice(2));
        expect(answer.pid).not.toBe(pid);
        const [socket] = running.io.of("/").sockets.values();
        expect(socket!.recovered).toBe(false);
        expect(socket!.id).toBe(answer.sid);
      });
    }
  });

  it("gives a private id with CONNECT and an offset at the end of each event", async () => {
    const running = await kit.serve(enabled);
    const { sid, pid, offset } = await lostSession(kit, running);
    expect(sid).toBeTypeOf("string");
    expect(pid).toBeTypeOf("string");
    expect(pid).not.toBe(sid);
    expect(offset).toBeTypeOf("string");
  });

  it("sends what was missed before the answer to CONNECT", async () => {
    const running = await kit.serve(enabled);
    const { sid, pid, offset } = await lostSession(kit, running);
    running.io.emit("to all", 2);
    running.io.to("room1").emit("to room1", 3, "text");
    running.io.to("room2").emit("to room2", 4);
    const polling = await kit.rawPolling(running);
    await polling.send(`40${JSON.stringify({ pid, offset })}`);
    const [first, second, connect] = await polling.take(3);
    expect(JSON.parse(first!.slice(2)).slice(0, 2)).toEqual(["to all", 2]);
    expect(JSON.parse(second!.slice(2)).slice(0, 3)).toEqual(["to room1", 3, "text"]);
    expect(connect).toBe(`40${JSON.stringify({ sid, pid })}`);
  });

  it("replays from the offset that is asked for", async () => {
    const running = await kit.serve(enabled);
    const { pid, offset, sid } = await lostSession(kit, running);
    running.io.emit("second");
    const back = await kit.rawPolling(running);
    await back.send(`40${JSON.stringify({ pid, offset })}`);
    const [second] = await back.take(2);
    const later = JSON.parse(second!.slice(2)).at(-1);
    expect(later).not.toBe(offset);
    const [socket] = running.io.of("/").sockets.values();
    const gone = once(socket!, "disconnect");
    await back.send("1");
    await gone;
    running.io.emit("third");
    const again = await kit.rawPolling(running);
    await again.send(`40${JSON.stringify({ pid, offset: later })}`);
    const [third, connect] = await again.take(2);
    expect(JSON.parse(third!.slice(2))[0]).toBe("third");
    expect(connect).toBe(`40${JSON.stringify({ sid, pid })}`);
  });

  it("leaves events with acks without an offset", async () => {
    const running = await kit.serve(enabled);
    const raw = await kit.rawWebSocket(running);
    raw.send("40");
    await raw.next();
    const [socket] = running.io.of("/").sockets.values();
    socket!.emit("question", "text", () => {});
    expect(await raw.next()).toBe('420["question","text"]');
  });
});
