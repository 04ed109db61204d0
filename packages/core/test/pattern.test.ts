import { describe, expect, it } from "vitest";
import { RoomPattern } from "../src/index.ts";

describe("RoomPattern", () => {
  it.each([
    ["chat:*", "chat:1", true],
    ["chat:*", "chat:", true],
    ["chat:*", "xchat:1", false],
    ["chat:*", "chat", false],
    ["chat", "chat", true],
    ["chat", "chat2", false],
    ["*", "", true],
    ["*", "anything\n", true],
    ["", "", true],
    ["", "x", false],
    ["*:log", "a:log", true],
    ["*:log", "a:log2", false],
    ["a*b*c", "abc", true],
    ["a*b*c", "a-b-b-c", true],
    ["a*b*c", "acb", false],
    ["a*a", "a", false],
    ["a*a", "aa", true],
    ["a*ab*b", "aabb", true],
    ["a*ab*b", "abb", false],
    ["**", "x", true],
    ["a.c", "abc", false],
    ["[a]+$", "[a]+$", true],
    ["*ab", "aab", true],
  ])("%j against %j is %s", (pattern, room, expected) => {
    expect(new RoomPattern(pattern).matches(room)).toBe(expected);
  });
});
