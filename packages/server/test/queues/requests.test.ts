import { describe, expect, it } from "vitest";
import { raw, serve } from "../support.ts";
import { clientOf, serveQueue } from "./support.ts";

describe("A conversation about a job", () => {
  it("is plain events with acknowledgements, byte for byte.", async () => {
    const { port, queue } = await serveQueue();
    const worker = await raw(port);
    worker.ws.send("40");
    await worker.read();
    worker.ws.send('420["holdfast:queue:add","mail",{"to":"ada"},{"id":"m1"}]');
    const added = await worker.read();
    expect(added).toMatch(/^430\[null,\{"id":"m1","isNew":true,"grant":"[\w-]{22}"\}\]$/);
    worker.ws.send('421["holdfast:queue:work","mail",{"prefetch":2}]');
    expect(await worker.read()).toMatch(
      /^431\[null,\{"worker":"[\w-]{20}\.[\w-]{22}","leaseMs":30000,"lost":\[\]\}\]$/,
    );
    const job = await worker.read();
    expect(job).toMatch(
      /^42\["holdfast:queue:job",\{"queue":"mail","id":"m1","lease":"[^"]+","data":\{"to":"ada"\},"attempt":1,"attempts":5,"leaseMs":30000\}\]$/,
    );
    const { lease } = JSON.parse(job.slice(2))[1];
    worker.ws.send(`422["holdfast:queue:extend","${lease}"]`);
    expect(await worker.read()).toMatch(/^432\[null,(30000|299\d\d)\]$/);
    worker.ws.send(`423["holdfast:queue:done","${lease}",{"ok":1}]`);
    expect(await worker.read()).toMatch(/^433\[null(,null)?\]$/);
    expect(await queue.job("m1").done()).toEqual({ ok: 1 });
  });

  it("carries bytes, both ways.", async () => {
    const running = await serveQueue();
    const client = await clientOf(running);
    await client.ask("add", "mail", { page: Buffer.from("data") }, { id: "m1" });
    await client.ask("work", "mail", {});
    const { lease, data } = await client.jobs.next();
    expect(data).toEqual({ page: Buffer.from("data") });
    await client.ask("done", lease, Buffer.from("result"));
    expect(await running.queue.job("m1").done()).toEqual(Buffer.from("result"));
  });

  it("is possible in any namespace.", async () => {
    const running = await serveQueue();
    running.io.of("/office");
    const [producer, worker] = [await clientOf(running), await clientOf(running, "/office")];
    await worker.ask("work", "mail", {});
    await producer.ask("add", "mail", 1);
    expect(await worker.jobs.next()).toMatchObject({ queue: "mail", data: 1, attempt: 1 });
  });
});

describe("The names of queues", () => {
  it("are the application's on a server without a queue.", async () => {
    const running = await serve({ store: "memory" });
    running.io.on("connection", (socket) => socket.on("holdfast:queue:add", (_queue, ack) => ack("mine")));
    const client = await clientOf(running);
    expect(await client.call("add", "mail")).toEqual(["mine"]);
  });

  it("reach no listener and no middleware on a server with one.", async () => {
    const running = await serveQueue();
    const seen: unknown[] = [];
    running.io.on("connection", (socket) => {
      socket.use((event, done) => {
        seen.push(event[0]);
        done();
      });
      socket.onAny((event) => seen.push(event));
      socket.on("hello", (ack) => ack());
    });
    const client = await clientOf(running);
    await client.ask("add", "mail", 1);
    await client.socket.emitWithAck("hello");
    expect(seen).toEqual(["hello", "hello"]);
  });
});

describe("Malformed requests", () => {
  const nonsense: [string, ...unknown[]][] = [
    ["add"],
    ["add", "mail"],
    ["add", 7, 1],
    ["add", "", 1],
    ["add", "x".repeat(300), 1],
    ["add", "mail", 1, "options"],
    ["add", "mail", 1, { id: 7 }],
    ["add", "mail", 1, { id: "" }],
    ["add", "mail", 1, { id: "~1" }],
    ["add", "mail", 1, { delayMs: "1" }],
    ["add", "mail", 1, { delayMs: -1 }],
    ["add", "mail", 1, { priority: 0.5 }],
    ["add", "mail", 1, { priority: 1e9 }],
    ["add", "mail", 1, { expiresMs: {} }],
    ["work"],
    ["work", "mail", []],
    ["work", "mail", { prefetch: 0 }],
    ["work", "mail", { prefetch: 1.5 }],
    ["work", "mail", { prefetch: 1e6 }],
    ["work", "mail", { prefetch: "many" }],
    ["work", "mail", { worker: {} }],
    ["work", "mail", { leases: "all" }],
    ["work", "mail", { leases: [7] }],
    ["work", "mail", { leases: Array(1_001).fill("x") }],
    ["done"],
    ["done", {}],
    ["fail", "x", "message"],
    ["fail", "x", { message: {} }],
    ["extend", null],
    ["progress", 7, 0.5],
    ["watch", "mail"],
    ["watch", "mail", "m1", 7],
    ["unwatch", "mail", []],
    ["stop", ["mail"]],
    ["admin", "mail"],
    ["admin", "mail", "shutdown"],
    ["admin", "mail", "constructor"],
    ["admin", "mail", "get"],
    ["admin", "mail", "remove", {}],
    ["admin", "mail", "deadLetters", { limit: "1" }],
    ["admin", "mail", "deadLetters", { limit: 1e9 }],
  ];

  it.each(nonsense.map((request) => [JSON.stringify(request).slice(0, 60), request] as const))(
    "%s is answered with QUEUE_INVALID.",
    async (_title, [name, ...args]) => {
      const client = await clientOf(await serveQueue());
      expect(await client.refusal(name, ...args)).toBe("QUEUE_INVALID");
      expect(client.socket.connected).toBe(true);
    },
  );

  it("that want no answer close their connection, and nobody else's.", async () => {
    const running = await serveQueue();
    const [hostile, other] = [await clientOf(running), await clientOf(running)];
    const closed = new Promise((resolve) => hostile.socket.once("disconnect", resolve));
    hostile.socket.emit("holdfast:queue:add", "mail");
    await closed;
    await other.ask("add", "mail", 1);
  });

  it("about a lease that never was are answered with LEASE_LOST.", async () => {
    const client = await clientOf(await serveQueue());
    for (const name of ["done", "fail", "extend", "progress"]) {
      expect(await client.refusal(name, "mail.1.abc")).toBe("LEASE_LOST");
    }
  });
});

describe("Bounds", () => {
  it("hold for the queues that one socket works on, the jobs it watches, and its unanswered requests.", async () => {
    const authorize = () => true;
    const running = await serveQueue({
      queues: { authorize, workedPerSocketMax: 1, watchesPerSocketMax: 1, requestsPerSocketMax: 2 },
    });
    running.io.queue("post");
    const client = await clientOf(running);
    await client.ask("work", "mail", {});
    await client.ask("work", "mail", { prefetch: 3 });
    expect(await client.refusal("work", "post", {})).toBe("QUEUE_LIMIT");

    const producer = await clientOf(running);
    const add = () => producer.ask<{ id: string; grant: string }>("add", "post", 1, { delayMs: 1e6 });
    const [one, two] = [await add(), await add()];
    await producer.ask("watch", "post", one.id, one.grant);
    await producer.ask("watch", "post", one.id, one.grant);
    expect(await producer.refusal("watch", "post", two.id, two.grant)).toBe("QUEUE_LIMIT");
    await producer.ask("unwatch", "post", one.id);
    await producer.ask("watch", "post", two.id, two.grant);

    const codes = await Promise.all(
      [1, 2, 3].map((n) => producer.refusal("add", "post", n, { delayMs: 1e6 })),
    );
    expect(codes).toEqual([undefined, undefined, "QUEUE_LIMIT"]);
  });

  it("of the queue reach clients as codes.", async () => {
    const running = await serveQueue({}, { lengthMax: 1, payloadBytesMax: 100 });
    const client = await clientOf(running);
    expect(await client.refusal("add", "mail", "x".repeat(200))).toBe("JOB_TOO_LARGE");
    await client.ask("add", "mail", 1, { id: "m1" });
    expect(await client.refusal("add", "mail", 2)).toBe("QUEUE_FULL");
    expect(await client.refusal("add", "mail", 2, { id: "m1" })).toBe("QUEUE_JOB_CONFLICT");
    expect(await client.ask("add", "mail", 1, { id: "m1" })).toMatchObject({ id: "m1", isNew: false });
  });

  it("on results are told to the worker whose result makes the job a dead letter.", async () => {
    const running = await serveQueue({}, { resultBytesMax: 100 });
    const client = await clientOf(running);
    await client.ask("work", "mail", {});
    await running.queue.add(1, { id: "m1" });
    const { lease } = await client.jobs.next();
    expect(await client.refusal("done", lease, "x".repeat(200))).toBe("RESULT_TOO_LARGE");
    expect(await running.queue.get("m1")).toMatchObject({
      state: "dead",
      error: { code: "RESULT_TOO_LARGE" },
    });
    expect(await client.refusal("done", lease, "x")).toBe("LEASE_LOST");
  });
});

describe("A server", () => {
  it("without a store has no queues.", async () => {
    const { io } = await serve();
    expect(() => io.queue("mail")).toThrow(expect.objectContaining({ code: "NO_STORE" }));
  });

  it("has as many queues as it may.", async () => {
    const { io } = await serveQueue({ queues: { queuesMax: 1 } });
    expect(() => io.queue("other")).toThrow(expect.objectContaining({ code: "QUEUE_FULL" }));
  });

  it("gives the same queue for the same name, and refuses other options.", async () => {
    const { io, queue } = await serveQueue({}, { attempts: 3 });
    expect(io.queue("mail")).toBe(queue);
    expect(() => io.queue("mail", { attempts: 4 })).toThrow(
      expect.objectContaining({ code: "QUEUE_CONFLICT" }),
    );
  });
});
