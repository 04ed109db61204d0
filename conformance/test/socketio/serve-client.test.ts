import { createServer, request } from "node:http";
import { createRequire } from "node:module";
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { conformance, type Running } from "./support.ts";

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

/** A GET that decodes nothing by itself. */
function get(running: Running, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port: running.port, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    outgoing.on("error", reject).end();
  });
}

const bundles = ["socket.io.js", "socket.io.min.js", "socket.io.msgpack.min.js", "socket.io.esm.min.js"];

conformance("serving the client", (kit) => {
  for (const file of bundles) {
    it(`serves ${file}`, async () => {
      const running = await kit.serve();
      const { status, headers, body } = await get(running, `/socket.io/${file}`);
      expect(status).toBe(200);
      expect(headers["content-type"]).toBe("application/javascript; charset=utf-8");
      expect(headers["cache-control"]).toBe("public, max-age=0");
      expect(headers.etag).toMatch(/^"\d+\.\d+\.\d+"$/);
      expect(headers["content-encoding"]).toBeUndefined();
      expect(body.length).toBeGreaterThan(1_000);
    });

    it(`serves the source map of ${file}`, async () => {
      const running = await kit.serve();
      const { status, headers, body } = await get(running, `/socket.io/${file}.map`);
      expect(status).toBe(200);
      expect(headers["content-type"]).toBe("application/json; charset=utf-8");
      expect(JSON.parse(body.toString()).version).toBe(3);
    });
  }

  it("names its package's version in the entity tag", async () => {
    const running = await kit.serve();
    const { headers } = await get(running, "/socket.io/socket.io.js");
    const manifest = createRequire(import.meta.url)("socket.io/package.json") as { version: string };
    // ours serves the stock bundles where that package is installed, or its own: each under its own version
    if (kit.isStock) expect(headers.etag).toBe(`"${manifest.version}"`);
    else expect(headers.etag).toMatch(/^"\d+\.\d+\.\d+"$/);
  });

  it("ignores the query of the request", async () => {
    const running = await kit.serve();
    const { status } = await get(running, "/socket.io/socket.io.js?buster=1");
    expect(status).toBe(200);
  });

  it("serves below a path of its own", async () => {
    const http = createServer((_request, response) => {
      response.writeHead(404);
      response.end();
    });
    const running = await kit.listen(new kit.Server(http, { path: "/deep/chat/" }), http);
    expect((await get(running, "/deep/chat/socket.io.js")).status).toBe(200);
    expect((await get(running, "/socket.io/socket.io.js")).status).toBe(404);
  });

  describe("compresses", () => {
    const decoders = { gzip: gunzipSync, br: brotliDecompressSync, deflate: inflateSync };
    for (const [encoding, decode] of Object.entries(decoders)) {
      it(`with ${encoding}`, async () => {
        const running = await kit.serve();
        const plain = await get(running, "/socket.io/socket.io.js");
        const packed = await get(running, "/socket.io/socket.io.js", { "accept-encoding": encoding });
        expect(packed.status).toBe(200);
        expect(packed.headers["content-encoding"]).toBe(encoding);
        expect(packed.body.length).toBeLessThan(plain.body.length);
        expect(decode(packed.body).equals(plain.body)).toBe(true);
      });
    }

    it("in the way that the client prefers", async () => {
      const running = await kit.serve();
      const encodingFor = async (accepted: string) =>
        (await get(running, "/socket.io/socket.io.js", { "accept-encoding": accepted })).headers[
          "content-encoding"
        ];
      expect(await encodingFor("gzip, deflate, br")).toBe("gzip");
      expect(await encodingFor("br, gzip")).toBe("br");
      expect(await encodingFor("gzip;q=0.5, br;q=0.9")).toBe("br");
      expect(await encodingFor("identity")).toBeUndefined();
      expect(await encodingFor("zstd")).toBeUndefined();
    });
  });

  describe("answers 304", () => {
    it("to the entity tag it gave", async () => {
      const running = await kit.serve();
      const { etag } = (await get(running, "/socket.io/socket.io.js")).headers;
      const again = await get(running, "/socket.io/socket.io.js", { "if-none-match": String(etag) });
      expect(again.status).toBe(304);
      expect(again.body.length).toBe(0);
    });

    it("to its weak form", async () => {
      const running = await kit.serve();
      const { etag } = (await get(running, "/socket.io/socket.io.js")).headers;
      const again = await get(running, "/socket.io/socket.io.js", { "if-none-match": `W/${etag}` });
      expect(again.status).toBe(304);
    });

    it("but not to another tag", async () => {
      const running = await kit.serve();
      const { status } = await get(running, "/socket.io/socket.io.js", { "if-none-match": '"0.0.1"' });
      expect(status).toBe(200);
    });
  });

  describe("with the cors option", () => {
    it("sends CORS headers", async () => {
      const running = await kit.serve({ cors: { origin: "https://good-origin.com" } });
      const { headers, status } = await get(running, "/socket.io/socket.io.js");
      expect(status).toBe(200);
      expect(headers["access-control-allow-origin"]).toBe("https://good-origin.com");
    });

    it("sends none without it", async () => {
      const running = await kit.serve();
      const { headers } = await get(running, "/socket.io/socket.io.js");
      expect(headers["access-control-allow-origin"]).toBeUndefined();
    });
  });

  describe("refuses", () => {
    for (const file of ["socket.io.evil.js", "%2e%2e/package.json", "SOCKET.IO.JS", ""]) {
      it(`the unknown file "${file}" under its path with 400`, async () => {
        const running = await kit.serve();
        expect((await get(running, `/socket.io/${file}`)).status).toBe(400);
      });
    }

    it("every file with 400 when serveClient is off", async () => {
      const running = await kit.serve({ serveClient: false });
      for (const file of bundles) {
        expect((await get(running, `/socket.io/${file}`)).status).toBe(400);
        expect((await get(running, `/socket.io/${file}.map`)).status).toBe(400);
      }
    });

    it("other paths with what the HTTP server itself answers", async () => {
      const http = createServer((_request, response) => {
        response.writeHead(404);
        response.end();
      });
      const running = await kit.listen(new kit.Server(http), http);
      expect((await get(running, "/other/socket.io.js")).status).toBe(404);
      expect((await get(running, "/socket.io.js")).status).toBe(404);
    });
  });
});
