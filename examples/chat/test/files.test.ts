import { request } from "node:http";
import { describe, expect, it } from "vitest";
import { type Chat, chatFor } from "./chat-harness.ts";

/** A plain HTTP request whose path is sent as it is: `fetch` would tidy it up. */
function get(
  chat: Chat,
  path: string,
  method = "GET",
  headers = {},
): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(chat.url);
    request({ port, path, method, headers }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    })
      .on("error", reject)
      .end();
  });
}

describe("the page", () => {
  it("is served with headers that let no foreign script run", async () => {
    const chat = await chatFor();
    const { status, headers, body } = await get(chat, "/");
    expect(status).toBe(200);
    expect(body).toContain("/socket.io/socket.io.min.js");
    expect(body).not.toMatch(/<script(?![^>]*\bsrc=)|\son\w+=|<style/);
    expect(headers["content-security-policy"]).toContain("script-src 'self'");
    expect(headers["content-security-policy"]).not.toMatch(/unsafe|\*/);
    expect(headers["x-content-type-options"]).toBe("nosniff");
  });

  it("comes with its files, and with the client", async () => {
    const chat = await chatFor();
    const { body } = await get(chat, "/");
    const wanted = [...body.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path ?? "");
    for (let path = wanted.pop(); path; path = wanted.pop()) {
      const { status, headers, body: script } = await get(chat, path);
      expect(`${path} ${status}`).toBe(`${path} 200`);
      // The modules that a module imports must be there too.
      if (path.startsWith("/socket.io")) continue;
      if (/javascript/.test(String(headers["content-type"]))) {
        wanted.push(...[...script.matchAll(/from "\.(\/[\w-]+\.js)"/g)].map(([, name]) => name ?? ""));
      }
    }
  });

  it("is not sent again when the browser has it", async () => {
    const chat = await chatFor();
    const { headers } = await get(chat, "/app.js");
    const again = await get(chat, "/app.js", "GET", { "if-none-match": headers.etag });
    expect([again.status, again.body]).toEqual([304, ""]);
  });

  it("gives out no other file, however it is asked for", async () => {
    const chat = await chatFor();
    const paths = [
      "/server.ts",
      "/index.html/../../server.ts",
      "/../server.ts",
      "/..%2fserver.ts",
      "/%2e%2e/server.ts",
      "/public/app.js",
      "//app.js",
      "/app.js%00",
      "/..\\server.ts",
      "/__proto__",
      "/constructor",
      "http://other/app.js",
    ];
    for (const path of paths) expect(`${path} ${(await get(chat, path)).status}`).toBe(`${path} 404`);
    expect((await get(chat, "/", "POST")).status).toBe(405);
    expect((await get(chat, "/", "HEAD")).body).toBe("");
  });
});
