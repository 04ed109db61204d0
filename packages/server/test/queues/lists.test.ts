import { describe, expect, it } from "vitest";
import { raw } from "../support.ts";
import { type Client, clientOf, serveQueue } from "./support.ts";

type Answer = [null | { code: string }, unknown?];

/** What each request is answered with: the code of its refusal, or null. */
async function codesOf(client: Client, kind: string, requests: unknown[]): Promise<(string | null)[]> {
  const answers = await client.ask<Answer[]>("many", kind, requests);
  return answers.map(([error]) => error?.code ?? null);
}

describe("A list of requests", () => {
  it("is one event with one acknowledgement, byte for byte.", async () => {
    const { port, queue } = await serveQueue();
    const worker = await raw(port);
    worker.ws.send("40");
    await worker.read();
    worker.ws.send('420["holdfast:queue:many","add",[["mail",{"n":1},{"id":"m1"}],["mail",2,{"id":"m2"}]]]');
    expect(await worker.read()).toMatch(
      /^430\[null,\[\[null,\{"id":"m1","isNew":true,"grant":"[\w-]{22}"\}\],\[null,\{"id":"m2","isNew":true,"grant":"[\w-]{22}"\}\]\]\]$/,
    );
    worker.ws.send('421["holdfast:queue:work","mail",{"prefetch":2}]');
    expect(await worker.read()).toMatch(/^431\[null,/);
    const leases = [await worker.read(), await worker.read()].map((job) => JSON.parse(job.slice(2))[1].lease);
    worker.ws.send(`422["holdfast:queue:many","done",[["${leases[0]}","ok"]]]`);
    expect(await worker.read()).toBe("432[null,[[null,null]]]");
    worker.ws.send(`423["holdfast:queue:many","fail",[["${leases[1]}",{"message":"no","final":true}]]]`);
    expect(await worker.read()).toBe("433[null,[[null,null]]]");
    expect(await queue.job("m1").done()).toBe("ok");
    await expect(queue.job("m2").done()).rejects.toMatchObject({ code: "JOB_DEAD" });
  });

  it("is answered with what each of them would have been answered with.", async () => {
    const running = await serveQueue(
      { queues: { authorize: (_socket, _action, queue, job) => queue !== "post" && job?.data !== "spam" } },
      { payloadBytesMax: 100 },
    );
    const client = await clientOf(running);
    await client.ask("add", "mail", "old", { id: "m1" });
    expect(
      await codesOf(client, "add", [
        ["mail", 1, { id: "m2" }],
        ["mail", "spam"],
        ["mail", "new", { id: "m1" }],
        ["mail", "old", { id: "m1" }],
        ["mail", 1, { id: "m2" }],
        ["mail", 2, { id: "m2" }],
        ["mail", "x".repeat(200)],
        ["mail", 1, { priority: 0.5 }],
        ["mail"],
        ["post", 1],
        ["nowhere", 1],
        [],
        ["mail", 3, { id: "m3" }],
      ]),
    ).toEqual([
      null,
      "QUEUE_FORBIDDEN",
      "QUEUE_JOB_CONFLICT",
      null,
      null,
      "QUEUE_JOB_CONFLICT",
      "JOB_TOO_LARGE",
      "QUEUE_INVALID",
      "QUEUE_INVALID",
      "QUEUE_FORBIDDEN",
      "QUEUE_UNKNOWN",
      "QUEUE_INVALID",
      null,
    ]);
    expect(running.queue.counts().waiting).toBe(3);
    expect(await codesOf(client, "done", [["00011.AAAAAAAAAAAAAAAA"], [7]])).toEqual([
      "LEASE_LOST",
      "QUEUE_INVALID",
    ]);
  });

  it("adds jobs in its order, with ids and without; what was there already is not new.", async () => {
    const client = await clientOf(await serveQueue());
    const answers = await client.ask<[null, { isNew: boolean }][]>("many", "add", [
      ["mail", 1],
      ["mail", 2, { id: "m2" }],
      ["mail", 2, { id: "m2" }],
      ["mail", 3],
    ]);
    expect(answers.map(([, { isNew }]) => isNew)).toEqual([true, true, false, true]);
    await client.ask("work", "mail", { prefetch: 3 });
    const jobs = [await client.jobs.next(), await client.jobs.next(), await client.jobs.next()];
    expect(jobs.map(({ data }) => data)).toEqual([1, 2, 3]);
  });

  it("waits for a verdict that takes its time, and gives each its own.", async () => {
    const verdicts: ((isAllowed: boolean) => void)[] = [];
    const running = await serveQueue({
      queues: {
        authorize: (_socket, _action, _queue, job) => {
          if (job?.data === 2) return true;
          return new Promise((resolve) => {
            if (verdicts.push(resolve) < 2) return;
            verdicts[1]!(true);
            verdicts[0]!(false);
          });
        },
      },
    });
    const client = await clientOf(running);
    expect(
      await codesOf(
        client,
        "add",
        [1, 2, 3].map((data) => ["mail", data]),
      ),
    ).toEqual(["QUEUE_FORBIDDEN", null, null]);
  });

  it("counts as many requests; those past the limit are refused, and no other.", async () => {
    const running = await serveQueue({ queues: { authorize: () => true, requestsPerSocketMax: 2 } });
    const client = await clientOf(running);
    const three = [1, 2, 3].map((data) => ["mail", data]);
    expect(await codesOf(client, "add", three)).toEqual([null, null, "QUEUE_LIMIT"]);
    expect(await codesOf(client, "add", three.slice(1))).toEqual([null, null]);
  });

  it("fills a queue as far as there is room.", async () => {
    const client = await clientOf(await serveQueue({}, { lengthMax: 3 }));
    const four = [{}, { id: "m1" }, { id: "m2" }, { id: "m3" }].map((options) => ["mail", 1, options]);
    expect(await codesOf(client, "add", four)).toEqual([null, null, null, "QUEUE_FULL"]);
  });

  it("that is long lets other connections have their turn before the next.", async () => {
    const running = await serveQueue();
    const rests: string[] = [];
    running.io.on("connection", ({ conn }) => {
      const { transport } = conn as unknown as { transport: { rest(): void } };
      const rest = transport.rest.bind(transport);
      transport.rest = () => {
        rests.push("rest");
        rest();
      };
    });
    const client = await clientOf(running);
    await codesOf(client, "add", Array(10).fill(["mail", 1]));
    expect(rests).toEqual([]);
    await codesOf(client, "add", Array(100).fill(["mail", 1]));
    expect(rests).toEqual(["rest"]);
    expect(await client.ask("admin", "mail", "counts")).toMatchObject({ waiting: 110 });
  });

  it("that is none is answered with QUEUE_INVALID; without an acknowledgement it closes its connection.", async () => {
    const client = await clientOf(await serveQueue());
    for (const nonsense of [
      [],
      ["add"],
      ["add", {}],
      ["add", []],
      ["add", [["mail", 1], "mail"]],
      ["add", Array(257).fill(["mail", 1])],
      ["work", [["mail"]]],
      ["many", [["add", [["mail", 1]]]]],
      [["add"], [["mail", 1]]],
    ]) {
      expect(await client.refusal("many", ...nonsense)).toBe("QUEUE_INVALID");
    }
    const closed = new Promise((resolve) => client.socket.once("disconnect", resolve));
    client.socket.emit("holdfast:queue:many", "add", [["mail", 1]]);
    await closed;
  });
});
