import type { Job } from "holdfast-client";
import { describe, expect, it } from "vitest";
import { nextEvent, until } from "../../src/events.ts";
import { client, cut, deferred, serve } from "./support.ts";

describe("socket.work", () => {
  it("gives each job to the handler, and its result to whoever waits for it.", async () => {
    const running = await serve();
    const seen: Partial<Job>[] = [];
    const worker = client(running).work<number, number>(
      "mail",
      { prefetch: 2 },
      ({ id, data, attempt, attempts, queue }) => {
        seen.push({ id, data, attempt, attempts, queue });
        return data * 2;
      },
    );
    await worker.ready;
    const handles = await Promise.all([1, 2, 3].map((data) => running.queue.add(data, { id: `m${data}` })));
    expect(await Promise.all(handles.map((handle) => handle.done()))).toEqual([2, 4, 6]);
    expect(seen).toContainEqual({ id: "m1", data: 1, attempt: 1, attempts: 5, queue: "mail" });
    await until(() => worker.running === 0, "the last outcome");
  });

  it("tries again what was thrown, and gives up for good where the handler says so.", async () => {
    const running = await serve({ attempts: 3 });
    client(running).work<string>("mail", (job) => {
      if (job.data === "final") job.fail("no such address", { final: true });
      if (job.data === "soon" && job.attempt === 1) job.fail("busy", { retryMs: 1 });
      if (job.data === "error") throw Object.assign(new TypeError("a bug"), { code: "EBUG" });
      return job.attempt;
    });
    const [final, soon, error] = await Promise.all(
      ["final", "soon", "error"].map((data) => running.queue.add(data, { id: data })),
    );
    expect(await soon!.done()).toBe(2);
    await expect(final!.done()).rejects.toMatchObject({ code: "JOB_DEAD" });
    await expect(error!.done()).rejects.toMatchObject({ code: "JOB_DEAD" });
    const letters = await running.queue.deadLetters();
    expect(letters.map(({ id, attempt, error }) => [id, attempt, error])).toEqual(
      expect.arrayContaining([
        ["final", 1, expect.objectContaining({ message: "no such address" })],
        ["error", 3, { message: "a bug", name: "TypeError", code: "EBUG" }],
      ]),
    );
  });

  it("takes whatever a handler throws or asks for as a failed attempt.", async () => {
    const running = await serve({ attempts: 2 });
    client(running).work("mail", (job) => {
      if (job.attempt === 1) job.fail("at once", { retryMs: -1 });
      throw Object.create(null);
    });
    await expect((await running.queue.add(1)).done()).rejects.toMatchObject({ code: "JOB_DEAD" });
    expect(await running.queue.deadLetters()).toMatchObject([
      { attempt: 2, error: { message: "no error, but thrown" } },
    ]);
  });

  it("renews the lease for as long as the handler runs.", async () => {
    const running = await serve({ leaseMs: 2_000 });
    const socket = client(running);
    const renewed = deferred();
    let renewals = 0;
    socket.onAnyOutgoing((name) => {
      if (name === "holdfast:queue:extend" && ++renewals === 3) renewed.resolve();
    });
    socket.work("mail", async () => {
      await renewed.promise;
      return "done";
    });
    const handle = await running.queue.add(1);
    expect(await handle.done()).toBe("done");
    expect((await handle.info())!.attempt).toBe(1);
  });

  it("aborts the handler when the job is removed, and its outcome does not count.", async () => {
    const running = await serve();
    const started = deferred<AbortSignal>();
    client(running).work("mail", async ({ signal }) => {
      started.resolve(signal);
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    await running.queue.add(1, { id: "m1" });
    const signal = await started.promise;
    await running.queue.remove("m1", { force: true });
    await until(() => signal.aborted, "the abort");
    expect(signal.reason).toMatchObject({ code: "LEASE_LOST" });
  });

  it("reports progress to those who watch.", async () => {
    const running = await serve();
    const go = deferred();
    const socket = client(running);
    socket.work("mail", async (job) => {
      await go.promise;
      job.progress(0.5);
      await job.extend();
    });
    const reports: unknown[] = [];
    const handle = await running.queue.add(1);
    running.queue.watch(handle.id, ({ state, progress }) => reports.push([state, progress]));
    go.resolve();
    await handle.done();
    expect(reports).toContainEqual(["running", 0.5]);
  });

  it("keeps its jobs when the connection breaks: they run once, and their outcome is told over the next one.", async () => {
    const running = await serve();
    const [started, go] = [deferred(), deferred()];
    const socket = client(running);
    let runs = 0;
    const worker = socket.work("mail", { prefetch: 2 }, async ({ data }) => {
      runs++;
      if (data !== "long") return data;
      started.resolve();
      await go.promise;
      return "at last";
    });
    const handle = await running.queue.add("long");
    await started.promise;
    cut(running);
    await nextEvent(socket, "disconnect");
    go.resolve();
    expect(await handle.done()).toBe("at last");
    const next = await running.queue.add("next");
    expect(await next.done()).toBe("next");
    expect(runs).toBe(2);
    await until(() => worker.running === 0, "the answer");
  });

  it("keeps them over a restart of the server.", async () => {
    const { MemoryStore } = await import("holdfast");
    const store = new MemoryStore();
    const first = await serve({}, { store });
    const [started, go] = [deferred(), deferred()];
    const socket = client(first);
    let runs = 0;
    const worker = socket.work("mail", async () => {
      runs++;
      started.resolve();
      await go.promise;
      return "at last";
    });
    await first.queue.add(1, { id: "m1" });
    await started.promise;
    const crashed = store.crash();
    first.io.httpServer.close();
    cut(first);
    await nextEvent(socket, "disconnect");
    const second = await serve({}, { store: crashed }, first.port);
    await nextEvent(socket, "connect");
    go.resolve();
    expect(await second.queue.job("m1").done()).toBe("at last");
    expect(runs).toBe(1);
    await until(() => worker.running === 0, "the answer");
  });

  it("aborts what was given to somebody else while the connection was gone.", async () => {
    const running = await serve({ graceMs: 1 });
    const started = deferred<AbortSignal>();
    const socket = client(running);
    socket.work("mail", async ({ signal, attempt }) => {
      if (attempt > 1) return "again";
      started.resolve(signal);
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    const handle = await running.queue.add(1);
    const signal = await started.promise;
    socket.io.engine.close();
    expect(await handle.done()).toBe("again");
    await until(() => signal.aborted, "the abort");
  });

  it("takes no more jobs once it is closed, and waits for those that run.", async () => {
    const running = await serve();
    const [started, go] = [deferred(), deferred()];
    const worker = client(running).work("mail", async () => {
      started.resolve();
      await go.promise;
      return "done";
    });
    const handle = await running.queue.add(1);
    await started.promise;
    const closed = worker.close();
    await running.queue.add(2, { id: "m2" });
    go.resolve();
    await closed;
    expect(await handle.done()).toBe("done");
    expect((await running.queue.get("m2"))!.state).toBe("waiting");
    expect(running.queue.counts()).toMatchObject({ waiting: 1, running: 0, workers: 0 });
  });

  it("takes no more jobs when it comes back for what it still has, closed.", async () => {
    const running = await serve();
    const socket = client(running);
    const [started, finish] = [deferred(), deferred()];
    const worker = socket.work("mail", { prefetch: 2 }, async () => {
      started.resolve();
      await finish.promise;
    });
    const handle = await running.queue.add("first");
    await started.promise;
    const closed = worker.close();
    const back = nextEvent(socket, "connect");
    cut(running);
    await running.queue.add("second", { id: "second" });
    await back;
    finish.resolve();
    await closed;
    await handle.done();
    expect(await running.queue.get("second")).toMatchObject({ state: "waiting", attempt: 0 });
  });

  it("gives up what takes too long to end when it is closed; it is tried again at once.", async () => {
    const running = await serve({ backoff: [100_000] });
    const started = deferred<AbortSignal>();
    const worker = client(running).work("mail", async ({ signal }) => {
      started.resolve(signal);
      await new Promise(() => {});
    });
    const handle = await running.queue.add(1);
    const signal = await started.promise;
    await worker.close({ timeoutMs: 1 });
    expect(signal.aborted).toBe(true);
    running.queue.work(({ attempt }) => attempt);
    expect(await handle.done()).toBe(2);
  });

  it("is refused with a code where the client may not work; twice on one queue it throws.", async () => {
    const running = await serve({}, { queues: { authorize: (_socket, action) => action === "add" } });
    const socket = client(running);
    const refused = deferred<string>();
    const worker = socket.work("mail", { onError: (error) => refused.resolve(error.code) }, () => {});
    await expect(worker.ready).rejects.toMatchObject({ code: "QUEUE_FORBIDDEN" });
    expect(await refused.promise).toBe("QUEUE_FORBIDDEN");
    expect(() => socket.work("mail", () => {})).toThrow(/already/);
    await worker.close();
    socket.work("mail", () => {});
  });
});

describe("socket.queue", () => {
  it("adds jobs, waits for them and watches them.", async () => {
    const running = await serve();
    const mail = client(running).queue<string, string>("mail");
    const handle = await mail.add("letter", { id: "m1", priority: 1 });
    expect(handle).toMatchObject({ id: "m1", queue: "mail", isNew: true, grant: expect.any(String) });
    expect(await mail.add("letter", { id: "m1" })).toMatchObject({ isNew: false });
    await expect(mail.add("other", { id: "m1" })).rejects.toMatchObject({ code: "QUEUE_JOB_CONFLICT" });
    const states: string[] = [];
    handle.watch(({ state }) => states.push(state));
    const done = handle.done();
    // an answer to this comes behind those to the watches
    await mail.counts();
    running.queue.work((job) => {
      job.progress(0.5);
      return `to ${job.data}`;
    });
    expect(await done).toBe("to letter");
    await until(() => states.at(-1) === "done", "the last state");
    expect(states[0]).toBe("waiting");
    expect(await mail.counts()).toMatchObject({ done: 1, workers: 1 });
  });

  it("rejects with what became of the job, and with the server's refusals.", async () => {
    const running = await serve({ attempts: 1 });
    const mail = client(running).queue("mail");
    const dead = await mail.add("dead");
    const removed = await mail.add("removed", { delayMs: 1e6 });
    const gone = removed.done();
    // it is watched when the server answers
    await removed.watch(() => {});
    await mail.counts();
    running.queue.work(() => {
      throw new Error("burnt");
    });
    await expect(dead.done()).rejects.toMatchObject({
      code: "JOB_DEAD",
      message: "burnt",
      cause: { message: "burnt" },
    });
    await running.queue.remove(removed.id);
    await expect(gone).rejects.toMatchObject({ code: "JOB_REMOVED" });
    await expect(mail.job("never").done()).rejects.toMatchObject({ code: "JOB_UNKNOWN" });
    await expect(mail.admin("nonsense")).rejects.toMatchObject({ code: "QUEUE_INVALID" });
  });

  it("shares the watches of a job: one that ends leaves the others.", async () => {
    const running = await serve({ attempts: 1 });
    const mail = client(running).queue("mail");
    let isBroken = true;
    running.queue.work(() => {
      if (isBroken) throw new Error("burnt");
      return "ok";
    });
    const handle = await mail.add("letter");
    const states: string[] = [];
    handle.watch(({ state }) => states.push(state));
    await expect(handle.done()).rejects.toMatchObject({ code: "JOB_DEAD" });
    await mail.counts();
    isBroken = false;
    await mail.admin("redrive", handle.id);
    await until(() => states.at(-1) === "done", "what became of the job that was dead");
  });

  it("sends what is added in one tick as one message, as it was then, and reads each answer for itself.", async () => {
    const running = await serve(
      {},
      { queues: { authorize: (_socket, _action, _queue, job) => job?.data !== 13 } },
    );
    const socket = client(running);
    await nextEvent(socket, "connect");
    const names: string[] = [];
    socket.onAnyOutgoing((name) => names.push(name));
    const mail = socket.queue("mail");
    const letter = { to: "ada", tags: ["new"] };
    const added = [mail.add(letter), mail.add(13), mail.add(14, { id: "m14" })];
    letter.to = "bob";
    letter.tags.push("late");
    const [first, refused, last] = await Promise.allSettled(added);
    expect(names).toEqual(["holdfast:queue:many"]);
    expect(refused).toMatchObject({ status: "rejected", reason: { code: "QUEUE_FORBIDDEN" } });
    expect(last).toMatchObject({ status: "fulfilled", value: { id: "m14", isNew: true } });
    if (first?.status !== "fulfilled") throw new Error("it was not added");
    expect(await running.queue.get(first.value.id)).toMatchObject({ data: { to: "ada", tags: ["new"] } });
  });

  it("sends bytes, and what is no plain data, in messages of their own.", async () => {
    const running = await serve();
    const mail = client(running).queue("mail");
    const nameless = Object.assign(Object.create(null), { n: [null] });
    const bytes = Array.from({ length: 20 }, (_, n) => Buffer.from([n]));
    const data = [1, ...bytes, { deep: new Uint8Array([1, 2]) }, new Map(), new Date(0), nameless, 2];
    const handles = await Promise.all(data.map((each) => mail.add(each)));
    const stored = await Promise.all(handles.map(({ id }) => running.queue.get(id)));
    expect(stored.map((info) => info!.data)).toEqual([
      1,
      ...bytes,
      { deep: Buffer.from([1, 2]) },
      {},
      "1970-01-01T00:00:00.000Z",
      { n: [null] },
      2,
    ]);
  });

  it("adds thousands at once, and all of those that are together larger than the server takes.", async () => {
    const running = await serve({}, { maxHttpBufferSize: 2_000 });
    const mail = client(running).queue("mail");
    await Promise.all(Array.from({ length: 3_000 }, (_, n) => mail.add({ n })));
    expect(running.queue.counts().waiting).toBe(3_000);
  });

  it("gives up what is larger than the server takes.", async () => {
    const running = await serve({ attempts: 1 }, { maxHttpBufferSize: 10_000 });
    const socket = client(running);
    const large = "x".repeat(20_000);
    await expect(socket.queue("mail").add(large)).rejects.toMatchObject({ code: "DISCONNECTED" });
    socket.work("mail", () => large);
    const handle = await running.queue.add("small");
    await expect(handle.done()).rejects.toMatchObject({ code: "JOB_DEAD" });
    expect(await running.queue.deadLetters()).toMatchObject([{ error: { code: "RESULT_TOO_LARGE" } }]);
  });

  it("gives up what cannot be written as JSON.", async () => {
    const running = await serve();
    const socket = client(running);
    await expect(socket.queue("mail").add(1n)).rejects.toMatchObject({ code: "JOB_TOO_LARGE" });
    socket.work("mail", () => 1n);
    await expect((await running.queue.add(1)).done()).rejects.toMatchObject({ code: "JOB_DEAD" });
    expect(await running.queue.deadLetters()).toMatchObject([
      { attempt: 1, error: { code: "RESULT_TOO_LARGE" } },
    ]);
  });

  it("rejects an add when the server refuses the connection.", async () => {
    const running = await serve();
    running.io.of("/private").use((_socket, next) => next(new Error("no")));
    const socket = client({ url: `${running.url}/private` });
    await expect(socket.queue("mail").add(1)).rejects.toMatchObject({ code: "DISCONNECTED" });
  });

  it("adds and waits over as many connections as it takes.", async () => {
    const running = await serve();
    const socket = client(running);
    const mail = socket.queue("mail");
    await nextEvent(socket, "connect");
    cut(running);
    const added = mail.add("letter");
    const handle = await added;
    const done = handle.done();
    await mail.counts();
    cut(running);
    await nextEvent(socket, "disconnect");
    running.queue.work(() => "ok");
    expect(await done).toBe("ok");
    expect(running.queue.counts().done).toBe(1);
  });

  it("lets another client wait for a job that it was given the grant of.", async () => {
    const running = await serve({}, { queues: { authorize: (_socket, action) => action !== "admin" } });
    const { id, grant } = await client(running).queue("mail").add(1);
    const other = client(running).queue("mail");
    running.queue.work(() => "ok");
    expect(await other.job(id, grant).done()).toBe("ok");
    await expect(other.job(id).done()).rejects.toMatchObject({ code: "QUEUE_FORBIDDEN" });
  });

  it("rejects what was asked when the socket is disconnected by hand.", async () => {
    const running = await serve();
    const socket = client(running);
    await nextEvent(socket, "connect");
    socket.disconnect();
    await expect(socket.queue("mail").add(1)).rejects.toMatchObject({ code: "DISCONNECTED" });
  });
});
