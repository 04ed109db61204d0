import { execFileSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { folder, onCleanup, reports, socketOf, start } from "./support.ts";

/** Only root may make a small disk. */
const canMount = process.platform === "linux" && process.getuid?.() === 0 && mounts();

describe.skipIf(!canMount)("a server whose disk is full (needs root and mount)", () => {
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown) => unhandled.push(error);
  beforeEach(() => process.on("unhandledRejection", onUnhandled));
  afterEach(() => {
    process.off("unhandledRejection", onUnhandled);
    expect(unhandled.splice(0)).toEqual([]);
  });

  it("refuses with a code, serves everything else, and goes on when there is space", async () => {
    const disk = folder();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", disk]);
    onCleanup(() => execFileSync("umount", ["-l", disk]));
    const { seen, onError } = reports();
    const server = await start({ store: disk, onError });
    const reader = await server.connect();
    const socket = socketOf(server, reader);
    void socket.join(["chat:1", "open"]);
    const text = "x".repeat(20_000);
    let stored = 0;
    let refusal: unknown;
    while (!refusal) {
      await server.io
        .to("chat:1")
        .publish("say", stored, text)
        .then(
          () => stored++,
          (error) => {
            refusal = error;
          },
        );
    }
    expect(refusal).toMatchObject({ code: "STORE_FULL" });
    expect(stored).toBeGreaterThan(50);
    server.io.to("chat:1").emit("say", "dropped", text);
    server.io.to("open").emit("not kept");
    await socket.timeout(5_000).emit("direct");
    const got = await reader.count(stored + 2);
    expect(got.slice(-2)).toEqual([["not kept"], ["direct"]]);
    expect(seen).toEqual([
      { code: "STORE_FULL", stage: "keep", namespace: "/", rooms: ["chat:1"], event: "say" },
    ]);
    // what is stored can be read, and replayed, all the same
    expect(await server.io.in("chat:1").history({ limit: 3 })).toHaveLength(3);
    const late = await server.connect();
    expect(await socketOf(server, late).join("chat:1", { since: "1h" })).toEqual({
      events: stored,
      gaps: [],
    });

    execFileSync("mount", ["-o", "remount,size=16m", disk]);
    await server.io.to("chat:1").publish("again");
    expect((await reader.count(stored + 3)).at(-1)).toEqual(["again"]);
    expect((await server.io.storage()).events).toBe(stored + 1);
  });

  it("has space again when a room is forgotten", async () => {
    const disk = folder();
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", disk]);
    onCleanup(() => execFileSync("umount", ["-l", disk]));
    const server = await start({ store: disk });
    const fill = async () => {
      for (;;) await server.io.to("chat:old").publish("say", "x".repeat(20_000));
    };
    await expect(fill()).rejects.toMatchObject({ code: "STORE_FULL" });
    await server.io.in("chat:old").forget();
    await expect
      .poll(() =>
        server.io
          .to("chat:new")
          .publish("say", "x".repeat(20_000))
          .then(
            () => "stored",
            () => "refused",
          ),
      )
      .toBe("stored");
  });
});

function mounts(): boolean {
  const path = execFileSync("mktemp", ["-d"]).toString().trim();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", path], { stdio: "ignore" });
    execFileSync("umount", [path]);
    return true;
  } catch {
    return false;
  } finally {
    execFileSync("rmdir", [path]);
  }
}
