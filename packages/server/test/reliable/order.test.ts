import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { Client, connectWire, KEY, onCleanup, STORES, start, storeOf } from "./support.ts";

const STAMPED = { connectionStateRecovery: { maxDisconnectionDuration: 60_000 } };

describe.each(STORES)("what a transaction publishes, with %s,", (kind) => {
  it("takes its place among all else that is issued", async () => {
    const { port, io, sockets } = await start({ store: storeOf(kind) });
    io.handle("say", (text, tx) => {
      tx.to("chat:1").publish("event", `${text}1`);
      tx.to("chat:1").publish("event", `${text}2`);
      io.to("chat:1").emit("event", `live ${text}`);
    });
    const client = await Client.connect(port);
    await sockets[0]!.join("chat:1");
    const answers = ["a", "b", "c"].map((text, i) => client.emit(i + 1, "say", [text]));
    await Promise.all(answers);
    io.to("chat:1").emit("event", "last");
    const got = (await client.heard(10)).map(([, text]) => text as string);
    expect(got.filter((text) => !text.startsWith("l"))).toEqual(["a1", "a2", "b1", "b2", "c1", "c2"]);
    expect(got.at(-1)).toBe("last");
    // stored in the order in which everybody got it
    const history = await io.to("chat:1").history();
    expect(history.map(({ args }) => args[0])).toEqual(got);
  });

  it("carries offsets that rise, by which a client that was lost goes on", async () => {
    const { port, io, sockets } = await start({ store: storeOf(kind), ...STAMPED });
    io.handle("say", (text, tx) => {
      for (const n of [1, 2, 3]) tx.to("chat:1").publish("event", `${text}${n}`);
    });
    const reader = await connectWire(port, {});
    const { pid } = await reader.json<{ pid: string }>("40");
    await sockets[0]!.join("chat:1");
    const writer = await Client.connect(port);
    await writer.emit(1, "say", ["a"]);
    const events: [string, string, string][] = [];
    for (let n = 0; n < 3; n++) events.push(await reader.json("42"));
    expect(events.map(([, text]) => text)).toEqual(["a1", "a2", "a3"]);
    expect(new Set(events.map(([, , offset]) => offset)).size).toBe(3);
    reader.socket.terminate();
    await reader.closed;
    await writer.emit(2, "say", ["b"]);
    const back = await connectWire(port, { pid, offset: events[1]![2] });
    const missed: unknown[] = [];
    for (let n = 0; n < 4; n++) missed.push((await back.json<[string, string]>("42"))[1]);
    expect(missed).toEqual(["a3", "b1", "b2", "b3"]);
  });
});

describe("a server that is killed", () => {
  it("has done each entry once, in order, and knows its reply", async () => {
    const folder = storeOf("lmdb");
    const entries = 300;
    const replies = new Map<number, unknown>();
    let port = 0;
    let child: ChildProcess | undefined;
    onCleanup(() => child?.kill("SIGKILL"));
    for (let round = 0; replies.size < entries; round++) {
      expect(round).toBeLessThan(60);
      [child, port] = await runServer(folder);
      const gone = once(child, "close");
      const client = await Client.connect(port, { key: KEY, again: round === 0 ? 0 : 1 }, { n: 1 });
      let isOver = false;
      const over = Promise.race([gone, client.wire.closed]).then(() => {
        isOver = true;
      });
      const killAt = replies.size + 40;
      let low = 1;
      for (let sequence = 1; sequence <= entries && !isOver; ) {
        while (replies.has(low)) low++;
        const pending: Promise<unknown>[] = [];
        sequence = low;
        for (; sequence <= Math.min(entries, low + 15); sequence++) {
          const n = sequence;
          const sent = client.emit(n, "say", [n], { low, again: round === 0 ? 0 : 1 });
          pending.push(sent.then((outcome) => outcome[0] !== 2 && replies.set(n, outcome)));
        }
        if (replies.size >= killAt && round < 6) child.kill("SIGKILL");
        await Promise.race([Promise.all(pending), over]);
        sequence = low;
        if (replies.size >= entries) break;
      }
      if (replies.size < entries) {
        child.kill("SIGKILL");
        await gone;
        continue;
      }
      const history: { position: string; args: [number, number] }[] = [];
      for (let before: string | null = null; ; ) {
        const [page] = (await client.call("history", before)) as [typeof history];
        if (page.length === 0) break;
        history.unshift(...page);
        before = page[0]!.position;
      }
      const all = Array.from({ length: entries }, (_, i) => i + 1);
      expect(history.map(({ args }) => args[1])).toEqual(all);
      expect(all.map((n) => replies.get(n))).toEqual(all.map((n) => [0, { sender: 1, number: n }]));
      expect(round).toBeGreaterThan(3);
    }
  }, 120_000);
});

async function runServer(folder: string): Promise<[ChildProcess, number]> {
  const script = fileURLToPath(new URL("./crash-server.ts", import.meta.url));
  const command = ["--conditions=@holdfast/source", "--import", "tsx", script, folder, "0"];
  const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout!.setEncoding("utf8"), "data")) as [string];
  return [child, Number(line.split(" ")[1])];
}
