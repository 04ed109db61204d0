import { expect, it } from "vitest";
import { start } from "./support.ts";

it("trims every room although one of them has a name that no log can have", async () => {
  const server = await start({ store: "memory", rooms: { "c*": { keep: { events: 10 } } } });
  await expect(server.io.to(`c${"x".repeat(2_000)}`).publish("refused")).rejects.toMatchObject({
    code: "ROOM_INVALID",
  });
  for (let i = 0; i < 100; i++) server.io.to("c1").emit("n", i);
  await expect.poll(async () => (await server.io.storage()).events, { timeout: 5_000 }).toBe(10);
});
