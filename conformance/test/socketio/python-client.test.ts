/** A client in another language: python-socketio, where the machine has it (Debian: python3-socketio python3-requests python3-websocket). */
import { execFile, execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { conformance } from "./support.ts";

const program = fileURLToPath(new URL("./fixtures/python_client.py", import.meta.url));

/** Debian's own interpreter first: another one may not see Debian's packages. */
const python = ["/usr/bin/python3", "python3"].find((name) => {
  try {
    execFileSync(name, ["-c", "import socketio, requests, websocket"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});

conformance("python-socketio", (kit) => {
  for (const transports of ["polling", "websocket", "polling,websocket"]) {
    for (const namespace of ["/", "/chat"]) {
      it.runIf(python)(`talks to ${namespace} over ${transports}`, { timeout: 30_000 }, async () => {
        const running = await kit.serve();
        running.io.of(namespace).on("connection", (socket) => {
          socket.on("auth", (reply) => reply(socket.handshake.auth));
          socket.on("echo", (...args) => args.pop()(...args));
          socket.on("start", async () => {
            socket.join("room");
            socket.emit("hello", 1, Buffer.from([3, 4]));
            running.io
              .of(namespace)
              .to("room")
              .emit("hello", "room", { nested: ["é"] });
            const answer = await new Promise((resolve) => {
              socket.emit("question", 41, Buffer.from([5]), (...args: unknown[]) => resolve(args));
            });
            running.io.of(namespace).emit("hello", "answered", answer);
            socket.disconnect();
          });
        });
        const output = await new Promise<string>((resolve, reject) => {
          const args = [program, running.url, transports, namespace];
          execFile(python as string, args, { timeout: 25_000 }, (failure, stdout) =>
            failure ? reject(failure) : resolve(stdout),
          );
        });
        expect(JSON.parse(output)).toEqual([
          ["auth", { token: "abc" }],
          ["echo", [1, "é", { a: [null, true] }, "0102"]],
          ["hello", [1, "0304"]],
          ["hello", ["room", { nested: ["é"] }]],
          ["hello", ["answered", [42, "05"]]],
          ["disconnect"],
        ]);
      });
    }
  }
});
