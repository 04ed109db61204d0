import { expect, it } from "vitest";
import { STORES, start, storeOf } from "../kept/support.ts";
import { reading, said, turns, untilBehind, upTo } from "./support.ts";

it.each(STORES)("a reader that stops gets everything, once, in order, when it goes on (%s)", async (kind) => {
  const server = await start({ store: storeOf(kind) });
  const [slow, fast] = [await server.connect(), await server.connect()];
  for (const { client } of [slow, fast]) void server.io.sockets.sockets.get(client.id!)!.join("chat:1");
  const { stop, start: go } = reading(slow);
  stop();
  let count = await untilBehind(server.io, "chat:1");
  const filler = "x".repeat(16_000);
  for (let i = 0; i < 500; i++) {
    server.io.to("chat:1").emit("say", count++, filler);
    if (i % 20 === 0) await turns(3);
  }
  await fast.count(count);
  const stats = server.io.stats();
  expect(stats).toMatchObject({ behind: 1, connections: 2, sockets: 2, closedForOverflow: 0 });
  expect(stats.bufferedBytes).toBeLessThan(2_000_000);
  expect(stats.shed).toBeGreaterThan(400);
  go();
  await slow.count(count);
  expect(said(slow)).toEqual(upTo(count));
  expect(said(fast)).toEqual(upTo(count));
  await server.io.to("chat:1").publish("say", count);
  await slow.count(count + 1);
  expect(server.io.stats()).toMatchObject({ behind: 0, bufferedBytes: 0 });
  expect(server.io.stats().replayed).toBeGreaterThanOrEqual(stats.shed);
});
