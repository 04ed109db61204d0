import { expect, it } from "vitest";
import type { EngineRequest } from "../src/engine/request.ts";
import { shareHeaders } from "../src/engine/shared-headers.ts";

const requestOf = (rawHeaders: string[], url = "/engine.io/?EIO=4&transport=websocket") =>
  ({
    rawHeaders,
    url,
    httpVersion: "1.1",
    _query: { EIO: "4", transport: "websocket" },
  }) as unknown as EngineRequest;

it("A request keeps the headers with which it came.", () => {
  const sent = ["HOST", "a", "Host", "b", "host", "a", "__proto__", "c", "constructor", "d", "Cookie", "a=1"];
  for (let round = 0; round < 3; round++) {
    const request = requestOf([...sent, "User-Agent", `agent ${round}`]);
    shareHeaders(request);
    expect(request.rawHeaders).toEqual([...sent, "User-Agent", `agent ${round}`]);
    expect(request.url).toBe("/engine.io/?EIO=4&transport=websocket");
    expect(request.httpVersion).toBe("1.1");
  }
});

it("So it does in a flood of strange ones.", () => {
  for (let i = 0; i < 3000; i++) {
    const sent = [`X-${i}`, `${i}`, "Host", `host ${i}`, "Origin", "o".repeat(i)];
    const request = requestOf([...sent], `/${i}`);
    shareHeaders(request);
    expect(request.rawHeaders).toEqual(sent);
    expect(request.url).toBe(`/${i}`);
  }
});
