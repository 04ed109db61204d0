import { afterEach, describe, expect, test, vi } from "vitest";
import { parseUrl } from "../src/url.ts";

afterEach(() => vi.unstubAllGlobals());

describe("an absolute URL", () => {
  test.each([
    ["http://localhost", "http:", "localhost", "/", ""],
    ["http://localhost:80/", "http:", "localhost", "/", ""],
    ["https://localhost:443", "https:", "localhost", "/", ""],
    ["https://localhost:80/a", "https:", "localhost:80", "/a", ""],
    ["ws://host:1/a/b", "ws:", "host:1", "/a/b", ""],
    ["wss://host/a?b=c#d", "wss:", "host", "/a", "?b=c"],
    ["http://[::1]:3000/ns", "http:", "[::1]:3000", "/ns", ""],
    ["http://user:secret@host/ns", "http:", "host", "/ns", ""],
    ["http://host?a=1+2", "http:", "host", "/", "?a=1%2B2"],
    ["http://host/чат %20/../x", "http:", "host", "/чат %20/../x", ""],
  ])("%s", (url, protocol, host, path, query) => {
    expect(parseUrl(url)).toEqual({ protocol, host, path, query });
  });
});

describe("a URL relative to https://page:8443/deep/page.html", () => {
  test.each([
    [undefined, "https:", "page:8443", "/"],
    ["/ns", "https:", "page:8443", "/ns"],
    ["//other/ns", "https:", "other", "/ns"],
    ["other:3000/ns", "https:", "other:3000", "/ns"],
    ["other", "https:", "other", "/"],
    ["http://other/ns", "http:", "other", "/ns"],
  ])("%s", (url, protocol, host, path) => {
    vi.stubGlobal("location", new URL("https://page:8443/deep/page.html"));
    expect(parseUrl(url)).toEqual({ protocol, host, path, query: "" });
  });
});

test("what is neither is a TypeError", () => {
  expect(() => parseUrl("/ns")).toThrow(TypeError);
  expect(() => parseUrl("http://host:999999")).toThrow(TypeError);
});
