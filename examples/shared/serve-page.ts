/** Serves the page of an example. Its files are named one by one: nothing else can be asked for. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";

const types = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
} as const;

/** What every example's page has, from `public` beside this file. */
const shared = ["base.css", "elements.js", "favicon.svg"];

// Scripts and styles come from this server only, and none is written into the page itself, so that text of others
// that found its way into the markup could still not run. `trusted-types` forbids innerHTML and its kin.
const headers = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cache-Control": "no-cache",
};

/**
 * A request handler for `http.createServer`, which never throws, whatever the request.
 *
 * @param folder where the files are; `index.html` is served as "/"
 */
export function pageServer(folder: URL, names: readonly string[]) {
  const load = (name: string, from: URL) => {
    const body = readFileSync(new URL(name, from));
    const type = types[name.slice(name.lastIndexOf(".") + 1) as keyof typeof types];
    const etag = `"${createHash("sha256").update(body).digest("base64url")}"`;
    return [name === "index.html" ? "/" : `/${name}`, { body, type, etag }] as const;
  };
  const files = new Map([
    ...shared.map((name) => load(name, new URL("./public/", import.meta.url))),
    ...names.map((name) => load(name, folder)),
  ]);

  function answerTo({ url = "", method, headers }: IncomingMessage) {
    const file = files.get(url.split("?", 1)[0]!);
    const text = { "Content-Type": types.txt };
    if (!file) return { status: 404, extra: text, body: "Not found\n" };
    if (method !== "GET" && method !== "HEAD") {
      return { status: 405, extra: { ...text, Allow: "GET, HEAD" }, body: "Only GET and HEAD\n" };
    }
    if (headers["if-none-match"] === file.etag) return { status: 304, extra: { ETag: file.etag } };
    const extra = { "Content-Type": file.type, "Content-Length": file.body.length, ETag: file.etag };
    return { status: 200, extra, body: file.body };
  }

  return (request: IncomingMessage, response: ServerResponse): void => {
    const { status, extra, body } = answerTo(request);
    response.writeHead(status, { ...headers, ...extra });
    response.end(request.method === "HEAD" ? undefined : body);
  };
}
