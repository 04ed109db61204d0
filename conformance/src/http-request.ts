import { type Agent, request as httpRequest, type IncomingHttpHeaders } from "node:http";

export interface HttpResponse {
  status: number;
  headers: IncomingHttpHeaders;
  /** Header lines as received: name, value, name, value… */
  rawHeaders: string[];
  bytes: Buffer;
  text: string;
}

export interface HttpRequest {
  method?: string;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer;
  agent?: Agent;
  signal?: AbortSignal;
}

/** One HTTP request, its whole response. Rejects when the connection ends early. */
export function request(port: number, path: string, options: HttpRequest = {}): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const body = options.body === undefined ? undefined : Buffer.from(options.body);
    const req = httpRequest(
      {
        host: "localhost",
        port,
        path,
        method: options.method ?? "GET",
        headers: { ...(body && { "content-length": String(body.length) }), ...options.headers },
        agent: options.agent ?? false,
        ...(options.signal && { signal: options.signal }),
      },
      (res) => {
        const chunks: Buffer[] = [];
        res.on("data", (chunk: Buffer) => chunks.push(chunk));
        res.on("error", reject);
        res.on("end", () => {
          const bytes = Buffer.concat(chunks);
          resolve({
            status: res.statusCode ?? 0,
            headers: res.headers,
            rawHeaders: res.rawHeaders,
            bytes,
            text: bytes.toString("utf8"),
          });
        });
      },
    );
    req.on("error", reject);
    req.end(body);
  });
}

/** `a=b&c=d` of what is set. */
export function queryOf(query: Record<string, string | undefined>): string {
  const set = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return new URLSearchParams(set).toString();
}
