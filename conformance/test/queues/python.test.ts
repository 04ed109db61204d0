import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { freePort, kill } from "../../kills/process.ts";
import { startServer } from "../../queues/processes.ts";
import { cleanUpLater } from "../../src/cleanup.ts";
import { Queue, within } from "../../src/events.ts";
import { serve } from "./support.ts";

/** Debian's, which has the packages of Debian. */
const PYTHON = "/usr/bin/python3";
const hasPython = existsSync("/usr/lib/python3/dist-packages/socketio");
const script = (name: string) => fileURLToPath(new URL(`../../../examples/jobs/${name}.py`, import.meta.url));

/** A program of examples/jobs, and the lines that it prints. */
function run(name: string, ...args: string[]): { child: ChildProcess; lines: Queue<string> } {
  const child = spawn(PYTHON, [script(name), ...args], { stdio: ["ignore", "pipe", "inherit"] });
  cleanUpLater(() => child.kill("SIGKILL"));
  const lines = new Queue<string>(`line of ${name}.py`);
  createInterface({ input: child.stdout! }).on("line", (line) => lines.push(line));
  return { child, lines };
}

describe.skipIf(!hasPython)("Workers and producers in Python, with Debian's python3-socketio", () => {
  it("do jobs, fail, and are told of every state.", async () => {
    const running = await serve({ attempts: 2 });
    const worker = run("worker", running.url, "mail");
    expect(await worker.lines.next(10_000)).toBe("ready");
    const producer = run("producer", running.url, "mail", '{"steps": 2, "stepMs": 20}', "p1");
    const told: string[] = [];
    while (told.at(-1)?.startsWith("done") !== true) told.push(await producer.lines.next(10_000));
    expect(told).toContain("running 0.5");
    expect(JSON.parse(await producer.lines.next())).toEqual({ by: "python", steps: 2 });
    expect(await running.queue.job("p1").done()).toEqual({ by: "python", steps: 2 });

    const failing = await running.queue.add({ fail: "no paper", stepMs: 1 });
    await expect(failing.done()).rejects.toMatchObject({ code: "JOB_DEAD" });
    const [letter] = await running.queue.deadLetters();
    expect(letter).toMatchObject({ attempt: 2, error: { message: "no paper", name: "ValueError" } });
  }, 30_000);

  it("keep their jobs while the server is killed and started again.", async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-python-"));
    cleanUpLater(() => rmSync(folder, { recursive: true, force: true }));
    const port = await freePort();
    const url = `http://localhost:${port}`;
    let server = await startServer([folder, `${port}`, "20000"]);
    cleanUpLater(() => server.child.kill("SIGKILL"));
    const worker = run("worker", url, "work");
    expect(await worker.lines.next(10_000)).toBe("ready");
    const producer = run("producer", url, "work", '{"steps": 8, "stepMs": 400}', "p1");
    while ((await producer.lines.next(10_000)) !== "running 0.125");
    await kill(server);
    server = await startServer([folder, `${port}`, "20000"]);
    // what it asked the old server it may wait for, up to its time-out of 30 s
    expect(await worker.lines.next(60_000)).toBe("ready");
    expect(await worker.lines.next(60_000)).toBe("p1 done");
    // somebody else asks: one attempt it was
    const later = run("producer", url, "work", '{"steps": 8, "stepMs": 400}', "p1");
    expect(await later.lines.next(10_000)).toMatch(/^done/);
    expect(JSON.parse(await later.lines.next())).toEqual({ by: "python", steps: 8 });
    producer.child.kill();
  }, 150_000);

  it("that are killed lose their jobs to others.", async () => {
    const running = await serve({ graceMs: 100 });
    const first = run("worker", running.url, "mail");
    expect(await first.lines.next(10_000)).toBe("ready");
    const handle = await running.queue.add({ steps: 3, stepMs: 300 });
    const begun = new Promise<void>((resolve) => {
      running.queue.watch(handle.id, ({ progress }) => progress !== undefined && resolve());
    });
    await within(begun, "progress", 10_000);
    const closed = once(first.child, "close");
    first.child.kill("SIGKILL");
    await closed;
    run("worker", running.url, "mail");
    expect(await within(handle.done(), "the job", 20_000)).toMatchObject({ by: "python" });
    expect((await handle.info())!.attempt).toBe(2);
  }, 40_000);
});
