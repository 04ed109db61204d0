import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { cleanUpLater } from "../../src/cleanup.ts";
import { conformance, httpServerOf, once, transportCases } from "./support.ts";

conformance("closing the server", (kit) => {
  it("calls back when everything is closed", async () => {
    const { io, http } = await kit.serve();
    await new Promise<void>((resolve) => io.close(() => resolve()));
    expect(http.listening).toBe(false);
  });

  it("resolves when everything is closed", async () => {
    const { io, http } = await kit.serve();
    await io.close();
    expect(http.listening).toBe(false);
  });

  it("hands the error of a server that does not listen to the callback, and still resolves", async () => {
    const http = createServer();
    const io = new kit.Server(http);
    const errors: (Error | undefined)[] = [];
    await io.close((error) => errors.push(error));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ code: "ERR_SERVER_NOT_RUNNING" });
  });

  it("can be done twice", async () => {
    const { io } = await kit.serve();
    await io.close();
    await io.close();
  });

  it("calls back without an HTTP server when bound to a foreign engine", async () => {
    const { Server: EngineServer } = await import("engine.io");
    const io = new kit.Server();
    io.bind(new EngineServer());
    await new Promise<void>((resolve) => io.close(() => resolve()));
  });

  it("frees the port", async () => {
    const running = await kit.serve();
    await kit.connected(running);
    await running.io.close();
    const next = createServer();
    cleanUpLater(() => next.close());
    await new Promise<void>((resolve) => next.listen(running.port, resolve));
    expect((next.address() as AddressInfo).port).toBe(running.port);
  });

  it("can listen again afterwards", async () => {
    const io = kit.track(new kit.Server(0));
    await once(httpServerOf(io), "listening");
    await kit.connected(`http://localhost:${(httpServerOf(io).address() as AddressInfo).port}`);
    await io.close();
    io.listen(0);
    const client = await kit.connected(
      `http://localhost:${(httpServerOf(io).address() as AddressInfo).port}`,
    );
    const heard = once(client, "hello");
    io.emit("hello", "again");
    expect(await heard).toEqual(["again"]);
  });

  it("refuses newcomers", async () => {
    const running = await kit.serve();
    await running.io.close();
    const client = kit.client(running, "/", { reconnection: false });
    const [error] = await once<[Error]>(client, "connect_error");
    expect(error.message).toBe("websocket error");
  });

  for (const { title, transports } of transportCases) {
    it(`disconnects its clients with "server shutting down" (${title})`, async () => {
      const running = await kit.serve();
      const [socket, client] = await kit.pair(running, "/", { transports, reconnection: false });
      const told = once<[string]>(client, "disconnect");
      const disconnecting = once<[string]>(socket, "disconnecting");
      const disconnected = once<[string]>(socket, "disconnect");
      await running.io.close();
      expect((await disconnecting)[0]).toBe("server shutting down");
      expect((await disconnected)[0]).toBe("server shutting down");
      const [reason] = await told;
      // a poll that is under way is answered with a close frame, the next one finds nobody
      if (transports.includes("polling")) expect(["transport close", "transport error"]).toContain(reason);
      else expect(reason).toBe("transport close");
      expect(socket.connected).toBe(false);
      expect(client.connected).toBe(false);
    });
  }

  it("disconnects the sockets of every namespace", async () => {
    const running = await kit.serve();
    running.io.of("/chat");
    running.io.of(/^\/dynamic-\d+$/);
    const [one] = await kit.pair(running, "/chat");
    const arrival = once<[typeof one]>(running.io, "new_namespace");
    const client = await kit.connected(running, "/dynamic-1");
    await arrival;
    const [two] = [...running.io.of("/dynamic-1").sockets.values()];
    const reasons = Promise.all([
      once(one, "disconnect"),
      once(two!, "disconnect"),
      once(client, "disconnect"),
    ]);
    await running.io.close();
    const [[first], [second]] = await reasons;
    expect(first).toBe("server shutting down");
    expect(second).toBe("server shutting down");
  });

  it("lets clients reconnect to the server that comes after", async () => {
    const running = await kit.serve();
    const client = await kit.connected(running, "/", { reconnectionDelay: 10, reconnectionDelayMax: 20 });
    const gone = once(client, "disconnect");
    await running.io.close();
    await gone;
    const back = once(client, "connect");
    const http = createServer();
    const io = kit.track(new kit.Server(http));
    cleanUpLater(() => http.closeAllConnections());
    const arrival = once(io, "connection");
    http.listen(running.port);
    await back;
    await arrival;
  });

  it("closes the adapter of every namespace", async () => {
    const { Adapter } = await import("socket.io-adapter");
    const closed: string[] = [];
    class Watched extends Adapter {
      override close() {
        closed.push(this.nsp.name);
      }
    }
    const { io } = await kit.serve({ adapter: Watched });
    io.of("/chat");
    await io.close();
    expect(closed.sort()).toEqual(["/", "/chat"]);
  });

  it("ends the connections of the engine", async () => {
    const running = await kit.serve();
    const [socket] = await kit.pair(running);
    const closed = once(socket.conn, "close");
    await running.io.close();
    await closed;
    expect(running.io.engine.clientsCount).toBe(0);
  });

  it("lets the process end", async () => {
    const program = `
      import { Server } from "${kit.isStock ? "socket.io" : "holdfast"}";
      import { io as connect } from "socket.io-client";
      const io = new Server(0);
      await new Promise((resolve) => io.httpServer.on("listening", resolve));
      const client = connect("http://localhost:" + io.httpServer.address().port, { reconnection: false });
      io.on("connection", async () => {
        client.disconnect();
        await io.close();
        process.stdout.write("closed");
      });
    `;
    const outcome = await new Promise<{ failure: Error | null; output: string }>((resolve) => {
      const node = ["--conditions=@holdfast/source", "--import=tsx", "--input-type=module", "-e", program];
      execFile(process.execPath, node, { timeout: 12_000 }, (failure, output) =>
        resolve({ failure, output }),
      );
    });
    expect(outcome).toEqual({ failure: null, output: "closed" });
  });
});
