import { afterEach, expect, test, vi } from "vitest";
import { CookieJar, cookieJarOf } from "../src/node/cookie-jar.ts";
import type { TransportOptions } from "../src/transport.ts";

afterEach(() => vi.useRealTimers());

const jarWith = (...lines: string[]) => {
  const jar = new CookieJar();
  jar.parseCookies(lines);
  return jar;
};

test.each([
  [["a=1"], "a=1"],
  [["a=1; Path=/; HttpOnly", "b=2;Secure"], "a=1; b=2"],
  [["a=1", "a=2"], "a=2"],
  [['a="b c"'], "a=b c"],
  [["a=b=c"], "a=b=c"],
  [["nothing", "=value", ""], ""],
  [["a=1; Max-Age=0"], ""],
  [["a=1; max-age=-5"], ""],
  [["a=1; Max-Age=soon"], ""],
  [["a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], ""],
  [["a=1; Expires=never"], ""],
  [["a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60"], "a=1"],
  [["a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"], "a=1"],
])("%j is sent back as %j", (lines, header) => {
  expect(jarWith(...lines).header()).toBe(header);
});

test("no header brings no cookie", () => {
  const jar = new CookieJar();
  jar.parseCookies(undefined);
  expect(jar.header()).toBe("");
});

test("a cookie is gone once its time is over", () => {
  vi.useFakeTimers({ now: 0 });
  const jar = jarWith("short=1; Max-Age=1", "long=1; Max-Age=10");
  vi.setSystemTime(999);
  expect(jar.header()).toBe("short=1; long=1");
  vi.setSystemTime(1000);
  expect(jar.header()).toBe("long=1");
  expect([...jar.cookies]).toHaveLength(1);
});

test("the transports of one connection share a jar, if they are to keep cookies at all", () => {
  const socket = {};
  const options = (withCredentials: boolean, owner: object) =>
    ({ withCredentials, socket: owner }) as unknown as TransportOptions;
  expect(cookieJarOf(options(false, socket))).toBeUndefined();
  const jar = cookieJarOf(options(true, socket));
  expect(jar).toBeInstanceOf(CookieJar);
  expect(cookieJarOf(options(true, socket))).toBe(jar);
  expect(cookieJarOf(options(true, {}))).not.toBe(jar);
});
