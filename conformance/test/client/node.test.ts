import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { Agent, type createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { cleanUpLater } from "../../src/cleanup.ts";
import { nextEvent } from "../../src/events.ts";
import { describeOurs, describePairs } from "./support.ts";

describePairs("in Node", (pair) => {
  test.each(["polling", "websocket"])("an agent makes the connections of %s", async (transport) => {
    const running = await pair.serve();
    const agent = new Agent({ keepAlive: true });
    let made = 0;
    const { createConnection } = agent;
    agent.createConnection = function (...args) {
      made++;
      return createConnection.apply(this, args);
    };
    cleanUpLater(() => agent.destroy());
    await pair.joined(running, { transports: [transport], agent: agent as unknown as string });
    // a WebSocket makes its own connections but for those of an agent that is asked
    expect(made > 0 || transport === "websocket").toBe(true);
  });

  test.each(["polling", "websocket"])("a server's certificate is verified over %s", async (transport) => {
    const read = (name: string) =>
      readFileSync(new URL(`../socketio/fixtures/localhost-${name}.pem`, import.meta.url), "utf8");
    const [key, cert] = [read("key"), read("cert")];
    const running = await pair.serve(
      {},
      createHttpsServer({ key, cert }) as unknown as ReturnType<typeof createHttpServer>,
    );
    const url = `https://localhost:${running.port}`;
    const options = { transports: [transport], reconnection: false };
    const [error] = await nextEvent<[Error]>(pair.connect(url, options), "connect_error");
    expect(error.message).toMatch(/error$/);
    await nextEvent(pair.connect(url, { ...options, rejectUnauthorized: false }), "connect");
    await nextEvent(pair.connect(url, { ...options, ca: cert }), "connect");
  });

  test("cookies are kept with withCredentials, and only then", async () => {
    const running = await pair.serve();
    let count = 0;
    running.io.engine.on("headers", (headers: Record<string, unknown>) => {
      count++;
      headers["set-cookie"] = [
        `n=${count}; Path=/; HttpOnly`,
        'quoted="a b"; Max-Age=100',
        "gone=1; Max-Age=0",
        "old=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
      ];
    });
    const seen: (string | undefined)[] = [];
    running.http.on("request", ({ headers }) => seen.push(headers.cookie));
    running.http.on("upgrade", ({ headers }) => seen.push(headers.cookie));
    const transports = ["polling", "websocket"];
    const [kept] = await pair.joined(running, { transports, withCredentials: true });
    if (kept.io.engine.transport.name === "polling") await nextEvent(kept.io.engine, "upgrade");
    expect(seen[0]).toBeUndefined();
    expect(seen.slice(1).every((cookie) => /n=\d+/.test(cookie ?? ""))).toBe(true);
    expect(seen.at(-1)).toMatch(/quoted=a b/);
    expect(seen.join()).not.toMatch(/gone|old/);
    kept.disconnect();
    seen.length = 0;
    const [plain, socket] = await pair.joined(running, { transports: ["polling"] });
    socket.on("x", (answer) => answer());
    await plain.emitWithAck("x");
    expect(seen.every((cookie) => cookie === undefined)).toBe(true);
  });

  test("a cookie of one's own goes along with those that are kept", async () => {
    const running = await pair.serve({ cookie: true });
    const [client, socket] = await pair.joined(running, {
      transports: ["polling"],
      withCredentials: true,
      extraHeaders: { cookie: "mine=1" },
    });
    const seen: (string | undefined)[] = [];
    running.http.on("request", ({ headers }) => seen.push(headers.cookie));
    socket.on("x", (answer) => answer());
    await client.emitWithAck("x");
    expect(seen.at(-1)).toMatch(pair.isOurClient ? /mine=1.*io=|io=.*mine=1/ : /io=/);
  });

  test("extraHeaders may name the user agent", async () => {
    const running = await pair.serve();
    for (const transports of [["polling"], ["websocket"]]) {
      const [, socket] = await pair.joined(running, { transports, extraHeaders: { "User-Agent": "mine" } });
      expect(socket.request.headers["user-agent"]).toBe("mine");
    }
  });
});

describeOurs("our client as a program of its own", (pair) => {
  test.each(["polling", "websocket"])(
    "autoUnref lets it end over %s",
    async (transport) => {
      const running = await pair.serve();
      const { outputFiles } = await build({
        entryPoints: [fileURLToPath(new URL("../../../packages/client/src/index.ts", import.meta.url))],
        bundle: true,
        platform: "node",
        format: "cjs",
        write: false,
      });
      const program = `${outputFiles[0]!.text}
      const socket = module.exports.io(${JSON.stringify(running.url)}, { autoUnref: true, transports: [${JSON.stringify(transport)}] });
      const keep = setTimeout(() => {}, 10_000);
      socket.on("connect", () => { clearTimeout(keep); console.log("connected"); });`;
      const ended = promisify(execFile)(process.execPath, ["-"], { timeout: 10_000 });
      ended.child.stdin?.end(program);
      const { stdout } = await ended;
      expect(stdout.trim()).toBe("connected");
    },
    20_000,
  );
});
