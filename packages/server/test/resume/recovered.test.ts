import { expect, it } from "vitest";
import { connect, serve } from "../negotiation/wire.ts";
import { again, reader } from "./client.ts";
import { left, options, recovering, socketOf } from "./support.ts";

it("counts a room that the session still has as continued, and repeats nothing", async () => {
  const served = await serve(recovering);
  const first = await reader(served.port);
  void socketOf(served).join("kept:1");
  served.io.to("kept:1").emit("seen");
  await first.count(1);
  const [offset] = first.ends as string[];
  await left(first);
  served.io.to("kept:1").emit("missed");
  const auth = { pid: first.connected.pid, offset };
  const second = await again(served.port, first, {}, auth);
  expect(second.connected.sid).toBe(first.connected.sid);
  expect(await socketOf(served).join("kept:1", { since: "last" })).toEqual({
    events: 0,
    gaps: [],
    resumed: true,
  });
  socketOf(served).emit("end");
  await second.until(() => second.events.at(-1)?.[0] === "end");
  expect(second.heard.map((message) => message.slice(0, 2))).toEqual([
    ["joined", "kept:1"],
    ["event", "missed"],
    ["event", "end"],
  ]);
});

it("tells nothing newer of a recovered room than where the client stands, and keeps its first join", async () => {
  const served = await serve(recovering);
  const first = await reader(served.port);
  void socketOf(served).join("kept:1");
  for (const name of ["a", "b"]) served.io.to("kept:1").emit(name);
  await first.count(2);
  await left(first);
  served.io.to("kept:1").emit("missed");
  // it has taken both, and handled one
  const [, joined] = structuredClone(first.positions["kept:1"]!);
  const [a, b] = first.ends as [string, string];
  const auth = { pid: first.connected.pid, offset: b };
  const second = await again(served.port, first, { positions: { "kept:1": [a, joined] } }, auth);
  const told = await second.control("joined");
  expect(told.slice(0, 3)).toEqual(["joined", "kept:1", a]);
  expect(told[3]).toBe(joined);
  // one that shows nothing of the room
  const third = await again(served.port, second, { positions: {} }, auth);
  expect((await third.control("joined")).slice(0, 3)).toEqual(["joined", "kept:1", b]);
});

it("repeats no event that a recovered session gets in another room", async () => {
  const served = await serve(recovering);
  const first = await reader(served.port);
  void socketOf(served).join(["kept:1", "kept:2"]);
  served.io.to("kept:1").emit("seen");
  await first.count(1);
  await socketOf(served).leave("kept:2");
  await first.control("left");
  await left(first);
  served.io.to(["kept:1", "kept:2"]).emit("both");
  served.io.to("kept:2").emit("other");
  const auth = { pid: first.connected.pid, offset: first.ends[0] };
  const second = await again(served.port, first, {}, auth);
  expect(second.connected.sid).toBe(first.connected.sid);
  await socketOf(served).join("kept:2", { since: "last" });
  socketOf(served).emit("end");
  await second.until(() => second.events.at(-1)?.[0] === "end");
  expect(second.events).toEqual([["both"], ["other"], ["end"]]);
});

it("repeats no event of a room that it left while that was replayed", async () => {
  const served = await serve(options);
  const first = await reader(served.port);
  void socketOf(served).join(["kept:1", "kept:2"]);
  served.io.to("kept:1").emit("seen");
  await first.count(1);
  await left(first);
  served.io.to(["kept:1", "kept:2"]).emit("both");
  const second = await again(served.port, first);
  const socket = socketOf(served);
  void socket.join("kept:1", { since: "last" });
  void socket.leave("kept:1");
  const joins = [socket.join("kept:2", { since: "last" }), socket.join("kept:1", { since: "last" })];
  socket.emit("end");
  await second.until(() => second.events.at(-1)?.[0] === "end");
  expect(second.events).toEqual([["both"], ["end"]]);
  expect(await Promise.all(joins)).toEqual(Array(2).fill({ events: 0, gaps: [], resumed: true }));
});

it("tells a session that comes back of a room that it had left unheard, and goes on there behind what it then got", async () => {
  const served = await serve(recovering);
  const first = await reader(served.port);
  void socketOf(served).join(["kept:1", "kept:2"]);
  served.io.to("kept:1").emit("seen");
  await first.count(1);
  const [offset] = first.ends as string[];
  served.io.to("kept:1").emit("unseen");
  void socketOf(served).leave("kept:1");
  served.io.to(["kept:1", "kept:2"]).emit("through the other");
  served.io.to("kept:1").emit("missed");
  served.io.to("kept:2").emit("last");
  await left(first);
  const auth = { pid: first.connected.pid, offset };
  const second = await again(served.port, first, {}, auth);
  expect(second.connected.sid).toBe(first.connected.sid);
  expect(await socketOf(served).join("kept:1", { since: "last" })).toMatchObject({ resumed: true });
  await second.control("replayed");
  expect(second.heard.map((message) => message.slice(0, 2))).toEqual([
    ["joined", "kept:2"],
    ["event", "unseen"],
    ["left", "kept:1"],
    ["event", "through the other"],
    ["event", "last"],
    ["joined", "kept:1"],
    ["replay", 1],
    ["event", "missed"],
    ["replayed", 1],
  ]);
});

it("lets a stock client whose session comes back go on in a room that it had left", async () => {
  const served = await serve(recovering);
  const first = await connect(served.port);
  const { pid } = await first.json<{ pid: string }>("40");
  void socketOf(served).join("kept:1");
  served.io.to("kept:1").emit("seen");
  const [, offset] = await first.json<string[]>("42");
  void socketOf(served).leave("kept:1");
  served.io.to("kept:1").emit("missed");
  first.socket.terminate();
  await first.closed;
  const second = await connect(served.port, { pid, offset });
  expect(await second.json("40")).toMatchObject({ pid });
  expect(await socketOf(served).join("kept:1", { since: "last" })).toMatchObject({
    events: 1,
    resumed: true,
  });
});
