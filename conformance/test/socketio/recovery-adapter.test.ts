import { Adapter, type Session, SessionAwareAdapter } from "socket.io-adapter";
import { expect, it } from "vitest";
import { away, recordNames } from "./recovery.ts";
import { conformance, flushed, once } from "./support.ts";

conformance("connection state recovery with an adapter of the program", (kit) => {
  const enabled = { connectionStateRecovery: {} };

  it("saves and restores the session there", async () => {
    const saved: Record<string, unknown>[] = [];
    const asked: unknown[] = [];
    class Keeping extends Adapter {
      override persistSession(session: Parameters<Adapter["persistSession"]>[0]) {
        saved.push({ ...session });
      }
      override async restoreSession(pid: string, offset: string): Promise<Session> {
        asked.push([pid, offset]);
        return {
          sid: "the-same-id",
          pid: pid as never,
          rooms: ["a", "b"],
          data: { user: "ada" },
          missedPackets: [
            ["missed", 1],
            ["missed", Buffer.from([2])],
          ],
        } as unknown as Session;
      }
    }
    const running = await kit.serve({ ...enabled, adapter: Keeping as never });
    const [socket, client] = await kit.pair(running);
    socket.join("room");
    socket.data.n = 1;
    const gone = once(socket, "disconnect");
    client.disconnect();
    await gone;
    expect(saved).toEqual([]);
    const [second, other] = await kit.pair(running);
    second.join("room");
    second.data.n = 2;
    const lost = once(second, "disconnect");
    other.io.engine.close();
    await lost;
    expect(saved).toHaveLength(1);
    expect(saved[0]).toMatchObject({ sid: second.id, rooms: [second.id, "room"], data: { n: 2 } });
    const pid = String(saved[0]!.pid);
    other.disconnect();
    const raw = await kit.rawWebSocket(running);
    raw.send(`40${JSON.stringify({ pid, offset: "here" })}`);
    expect(await raw.next()).toBe('42["missed",1]');
    expect(await raw.next()).toBe('451-["missed",{"_placeholder":true,"num":0}]');
    expect(await raw.nextBinary()).toEqual(Buffer.from([2]));
    expect(await raw.next()).toBe(`40${JSON.stringify({ sid: "the-same-id", pid })}`);
    expect(asked).toEqual([[pid, "here"]]);
    const back = running.io.of("/").sockets.get("the-same-id");
    expect(back!.recovered).toBe(true);
    expect(back!.rooms).toEqual(new Set(["a", "b", "the-same-id"]));
    expect(back!.data).toEqual({ user: "ada" });
  });

  it("connects anew when restoring fails", async () => {
    class Failing extends Adapter {
      override restoreSession(): Promise<Session> {
        return Promise.reject(new Error("storage is down"));
      }
    }
    const running = await kit.serve({ ...enabled, adapter: Failing as never });
    const raw = await kit.rawWebSocket(running);
    raw.send('40{"pid":"x","offset":"y"}');
    expect(await raw.next()).toMatch(/^40\{"sid":"[\w-]+","pid":"[\w-]+"\}$/);
    const [socket] = running.io.of("/").sockets.values();
    expect(socket!.recovered).toBe(false);
  });

  it("works with Socket.IO's session-aware adapter", async () => {
    const running = await kit.serve({ ...enabled, adapter: SessionAwareAdapter as never });
    const pair = await kit.pair(running);
    pair[0].join("room");
    await flushed(running.io, pair[1]);
    const heard = recordNames(pair[1]);
    const back = await away(running, pair, () => running.io.to("room").emit("missed", 1));
    expect(back.recovered).toBe(true);
    expect(heard).toEqual([["missed", 1]]);
  });
});
