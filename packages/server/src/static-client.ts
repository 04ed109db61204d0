import type { EventEmitter } from "node:events";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pipeline, type Transform } from "node:stream";
import { fileURLToPath } from "node:url";
import { createBrotliCompress, createDeflate, createGzip } from "node:zlib";
import accepts from "accepts";

/** `socket.io.js`, `socket.io.min.js`, what these load from beside them, and the maps. */
const FILE = /^socket\.io(\.[a-z]+)*\.js(\.map)?$/;

const COMPRESSORS: Record<string, () => Transform> = {
  br: createBrotliCompress,
  gzip: createGzip,
  deflate: createDeflate,
};

/** A folder of bundles and the version of the package that they come from. */
interface Source {
  readonly folder: string;
  readonly version: string;
}

let sources: readonly Source[] | undefined;

type RequestListener = (req: IncomingMessage, res: ServerResponse) => void;

export type CorsMiddleware = (req: IncomingMessage, res: ServerResponse, next: () => void) => void;

/**
 * Puts the client's files before the request listeners of the HTTP server.
 *
 * @param path under which they are, without a slash at its end
 */
export function serveClientFiles(
  httpServer: EventEmitter,
  path: string,
  cors: CorsMiddleware | undefined,
): void {
  const others = httpServer.listeners("request") as RequestListener[];
  httpServer.removeAllListeners("request");
  httpServer.on("request", (req: IncomingMessage, res: ServerResponse) => {
    const name = req.url!.startsWith(path) ? req.url!.slice(path.length + 1).split("?", 1)[0]! : "";
    if (!FILE.test(name) || !find(name)) for (const listener of others) listener.call(httpServer, req, res);
    else if (cors) cors(req, res, () => serve(name, req, res));
    else serve(name, req, res);
  });
}

/** Answers a request for a file of the client: revalidated by the package's version, compressed if that is accepted. */
function serve(name: string, req: IncomingMessage, res: ServerResponse): void {
  const { folder, version } = find(name) as Source;
  const etag = `"${version}"`;
  const known = req.headers["if-none-match"];
  if (known === etag || known === `W/${etag}`) {
    res.writeHead(304);
    res.end();
    return;
  }
  res.setHeader("Cache-Control", "public, max-age=0");
  res.setHeader(
    "Content-Type",
    `application/${name.endsWith(".map") ? "json" : "javascript"}; charset=utf-8`,
  );
  res.setHeader("ETag", etag);
  const encoding = accepts(req).encodings(["br", "gzip", "deflate"]) || "";
  const compressor = COMPRESSORS[encoding]?.();
  res.writeHead(200, compressor && { "content-encoding": encoding });
  const file = createReadStream(join(folder, name));
  const end = (error?: Error | null) => {
    if (error) res.end();
  };
  if (compressor) pipeline(file, compressor, res, end);
  else pipeline(file, res, end);
}

function find(name: string): Source | undefined {
  sources ??= [ownSource(), stockSource()].filter((source) => source !== undefined);
  return sources.find(({ folder }) => existsSync(join(folder, name)));
}

/** The bundles that the build puts into `dist/client`, wherever this module lies: in `dist`, or in `src`. */
function ownSource(): Source | undefined {
  const root = join(moduleFolder(), "..");
  return read(join(root, "package.json"), join(root, "dist", "client"));
}

/** Those of `socket.io-client`, where it is installed. */
function stockSource(): Source | undefined {
  for (const from of [moduleFolder(), process.cwd()]) {
    try {
      const manifest = createRequire(join(from, "resolve.js")).resolve("socket.io-client/package.json");
      return read(manifest, join(dirname(manifest), "dist"));
    } catch {
      // not installed where this looks
    }
  }
  return undefined;
}

function read(manifest: string, folder: string): Source | undefined {
  if (!existsSync(folder)) return undefined;
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  return { folder, version };
}

/** Where this module lies, as CommonJS or as an ES module. */
function moduleFolder(): string {
  return typeof __dirname === "string" ? __dirname : dirname(fileURLToPath(import.meta.url));
}
