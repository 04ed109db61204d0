import type { IncomingMessage } from "node:http";
import { parse } from "node:querystring";
import { expect, it } from "vitest";
import { withQuery } from "../src/engine/request.ts";

const queryOf = (text: string) => withQuery({ url: `/socket.io/?${text}` } as IncomingMessage)._query;

it.each([
  "EIO=4&transport=websocket",
  "EIO=4&transport=polling&t=Ov_x.7~-&sid=lv_VI97HAXpY6yYWAAAC",
  "a=&b=1",
  "a&b",
  "=a",
  "a=1&&b=2&",
  "a==b",
  "a=b=c",
  "a=%20b&%62=c",
  "a=1+2",
  "a=é",
  "constructor=1&toString=2",
  "",
  "&",
  `long=${"x".repeat(300)}`,
])("The query %o is that of node:querystring.", (text) => {
  expect(queryOf(text)).toEqual({ ...parse(text) });
});

it("The last of repeated parameters counts.", () => {
  expect(queryOf("a=1&a=2")).toEqual({ a: "2" });
  expect(queryOf("a=1&a=%32")).toEqual({ a: "2" });
});

it("A parameter named __proto__ is only a parameter.", () => {
  for (const query of [queryOf("__proto__=1&a=2"), queryOf("__proto__=%31&a=2")]) {
    expect(Object.getPrototypeOf(query)).toBe(Object.prototype);
    expect(Object.entries(query)).toEqual([
      ["__proto__", "1"],
      ["a", "2"],
    ]);
  }
});

it("The same query twice is two objects.", () => {
  queryOf("a=1&b=2").a = "changed";
  const query = queryOf("a=1&b=2");
  expect(query).toEqual({ a: "1", b: "2" });
  query.a = "changed";
  expect(queryOf("a=1&b=2")).toEqual({ a: "1", b: "2" });
});
