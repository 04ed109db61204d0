import { expect, test } from "vitest";
import { nextEvent } from "../../src/events.ts";
import { describePairs } from "./support.ts";

describePairs("URLs and options of the handshake", (pair) => {
  test.each([
    ["no path", "", "/"],
    ["a slash", "/", "/"],
    ["a namespace", "/chat", "/chat"],
    ["a namespace of several parts", "/chat/room", "/chat/room"],
    ["a namespace in any script", "/чат", "/чат"],
    ["a namespace and a query", "/chat?a=b", "/chat"],
    ["a query alone", "?a=b", "/"],
  ])("%s", async (_, suffix, nsp) => {
    const running = await pair.serve();
    const [client] = await pair.joinedAs(running, suffix, nsp);
    expect((client as unknown as { nsp: string }).nsp).toBe(nsp);
  });

  test("ws: is understood, and 127.0.0.1, and IPv6", async () => {
    const running = await pair.serve();
    for (const url of [
      `ws://localhost:${running.port}`,
      `http://127.0.0.1:${running.port}`,
      `http://[::1]:${running.port}`,
    ]) {
      const client = pair.connect(url, { transports: ["polling", "websocket"] });
      await nextEvent(client, "connect");
    }
  });

  test.each<[string, string, object | undefined, Record<string, string>]>([
    ["of the URL", "?a=b&c=d%26e&f=", undefined, { a: "b", c: "d&e", f: "" }],
    ["of the URL, where a plus is a plus", "?token=a+b/c==", undefined, { token: "a+b/c==" }],
    ["as an option", "", { "&a": "&=?a", n: 1, "a b": "c d" }, { "&a": "&=?a", n: "1", "a b": "c d" }],
    ["of a namespace", "/abc?b=c&d=%26a%3Db", undefined, { b: "c", d: "&a=b" }],
  ])("a query %s reaches the server", async (_, suffix, query, expected) => {
    const running = await pair.serve();
    const nsp = suffix.startsWith("/abc") ? "/abc" : "/";
    running.io.of(nsp);
    for (const transports of [["polling"], ["websocket"]]) {
      const [, socket] = await pair.joinedAs(running, suffix, nsp, {
        transports,
        ...(query ? { query } : {}),
      });
      expect(socket.handshake.query).toMatchObject(expected);
      expect(socket.handshake.query).toMatchObject({ EIO: "4", transport: transports[0] });
    }
  });

  test("polling requests are stamped, WebSocket's are not, unless asked for", async () => {
    const running = await pair.serve();
    const [, polling] = await pair.joined(running, { transports: ["polling"] });
    expect(polling.handshake.query.t).toBeTypeOf("string");
    const [, websocket] = await pair.joined(running, { transports: ["websocket"] });
    expect(websocket.handshake.query.t).toBeUndefined();
    const [, unstamped] = await pair.joined(running, { transports: ["polling"], timestampRequests: false });
    expect(unstamped.handshake.query.t).toBeUndefined();
    const [, stamped] = await pair.joined(running, {
      transports: ["websocket"],
      timestampRequests: true,
      timestampParam: "when",
    });
    expect(stamped.handshake.query.when).toBeTypeOf("string");
  });

  test("path and addTrailingSlash make the request's path", async () => {
    const running = await pair.serve({ path: "/deep/path" });
    const [, withSlash] = await pair.joined(running, { path: "/deep/path" });
    expect(withSlash.request.url).toMatch(/^\/deep\/path\/\?/);
    const bare = await pair.serve({ path: "/deep/path", addTrailingSlash: false });
    const [, without] = await pair.joined(bare, { path: "/deep/path/", addTrailingSlash: false });
    expect(without.request.url).toMatch(/^\/deep\/path\?/);
  });

  test("extraHeaders are sent by every transport", async () => {
    const running = await pair.serve();
    for (const transports of [["polling"], ["websocket"]]) {
      const [, socket] = await pair.joined(running, { transports, extraHeaders: { "X-Test": "yes" } });
      expect(socket.request.headers["x-test"]).toBe("yes");
    }
  });

  test("transportOptions add to one transport", async () => {
    const running = await pair.serve();
    const [client, socket] = await pair.joined(running, {
      transports: ["polling", "websocket"],
      transportOptions: {
        polling: { extraHeaders: { "X-Which": "polling" } },
        websocket: { extraHeaders: { "X-Which": "websocket" } },
      },
    });
    expect(socket.request.headers["x-which"]).toBe("polling");
    if (client.io.engine.transport.name === "polling") await nextEvent(client.io.engine, "upgrade");
  });

  test("protocols become WebSocket subprotocols", async () => {
    const running = await pair.serve();
    const [, socket] = await pair.joined(running, { transports: ["websocket"], protocols: ["one", "two"] });
    expect(socket.request.headers["sec-websocket-protocol"]).toMatch(/^one, ?two$/);
  });

  test("options of the manager may change before it reconnects", async () => {
    const running = await pair.serve();
    const [client] = await pair.joined(running, { query: { n: "1" } });
    const again = nextEvent<[{ handshake: { query: object } }]>(running.io, "connection");
    client.io.opts.query = { n: "2" };
    client.io.engine.close();
    expect((await again)[0].handshake.query).toMatchObject({ n: "2" });
  });
});
