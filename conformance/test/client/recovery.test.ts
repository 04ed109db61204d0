import { expect, test } from "vitest";
import { eventsOf, nextEvent } from "../../src/events.ts";
import { describePairs } from "./support.ts";

const options = { connectionStateRecovery: { maxDisconnectionDuration: 5000 } };

describePairs("connection state recovery", (pair) => {
  test("a lost connection gets its id, rooms and missed events back", async () => {
    const running = await pair.serve(options);
    const [client, socket] = await pair.joined(running);
    const { id } = client;
    const heard = eventsOf<[string]>(client, "news");
    expect(client.recovered).toBe(false);
    void socket.join("room");
    running.io.to("room").emit("news", "one");
    expect((await heard.next())[0]).toBe("one");
    const back = nextEvent(client, "connect");
    const gone = nextEvent(socket, "disconnect");
    client.io.engine.close();
    await gone;
    running.io.to("room").emit("news", "two");
    await back;
    expect(client.recovered).toBe(true);
    expect(client.id).toBe(id);
    expect((await heard.next())[0]).toBe("two");
  });

  test("what was missed comes before the connect event, and can be listened to", async () => {
    const running = await pair.serve(options);
    const [client, socket] = await pair.joined(running);
    const told: string[] = [];
    client.on("connect", () => told.push("connect"));
    client.on("news", (text) => told.push(text));
    running.io.emit("news", "first");
    await nextEvent(client, "news");
    const gone = nextEvent(socket, "disconnect");
    client.io.engine.close();
    await gone;
    running.io.emit("news", "missed", Buffer.from([1]));
    await nextEvent(client, "connect");
    expect(told).toEqual(["first", "missed", "connect"]);
    expect(client.receiveBuffer).toEqual([]);
  });

  test("a session that is over begins anew", async () => {
    const running = await pair.serve({ connectionStateRecovery: { maxDisconnectionDuration: 1 } });
    const [client, socket] = await pair.joined(running, { reconnectionDelay: 60, randomizationFactor: 0 });
    const { id } = client;
    client.on("news", () => {});
    socket.emit("news");
    await nextEvent(client, "news");
    client.io.engine.close();
    await nextEvent(client, "connect");
    expect(client.recovered).toBe(false);
    expect(client.id).not.toBe(id);
  });

  test("a disconnect by hand ends the session", async () => {
    const running = await pair.serve(options);
    const [client, socket] = await pair.joined(running);
    socket.emit("news", "x");
    await nextEvent(client, "news");
    const { id } = client;
    client.disconnect();
    client.connect();
    await nextEvent(client, "connect");
    expect(client.recovered).toBe(false);
    expect(client.id).not.toBe(id);
  });

  test("auth is sent beside the session", async () => {
    const running = await pair.serve(options);
    const [client, socket] = await pair.joined(running, { auth: { token: "t" } });
    running.io.emit("news", "x");
    await nextEvent(client, "news");
    const packets = eventsOf<[{ type: string; data?: string }]>(client.io, "packet");
    void packets;
    const gone = nextEvent(socket, "disconnect");
    const again = nextEvent<[typeof socket]>(running.io, "connection");
    client.io.engine.close();
    await gone;
    const [recovered] = await again;
    expect(recovered.recovered).toBe(true);
    expect(recovered.handshake.auth).toMatchObject({ token: "t" });
  });

  test("a server without it sends no session", async () => {
    const running = await pair.serve();
    const [client, socket] = await pair.joined(running);
    socket.emit("news", "x");
    await nextEvent(client, "news");
    client.io.engine.close();
    await nextEvent(client, "connect");
    expect(client.recovered).toBeFalsy();
  });
});
