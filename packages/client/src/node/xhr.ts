import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { type Failure, Polling } from "../polling.ts";
import type { RawData } from "../transport.ts";
import { bytesFor } from "./bytes.ts";
import { cookieJarOf } from "./cookie-jar.ts";
import { pickOptions } from "./tls-options.ts";

/** What a program finds as `error.context`: the part of XMLHttpRequest that describes an answer. */
class NodeResponse {
  readonly readyState = 4;
  readonly status: number;
  readonly statusText: unknown;
  readonly responseText: string;
  private readonly _headers: IncomingMessage["headers"];

  constructor(
    status: number,
    statusText: unknown,
    responseText: string,
    headers: IncomingMessage["headers"] = {},
  ) {
    this.status = status;
    this.statusText = statusText;
    this.responseText = responseText;
    this._headers = headers;
  }

  getResponseHeader(name: string): string | null {
    const value = this._headers[name.toLowerCase()];
    return Array.isArray(value) ? value.join(", ") : (value ?? null);
  }
}

/** Long-polling over Node's own HTTP client: it knows agents, TLS options and every header, and keeps cookies. */
export class NodeXHR extends Polling {
  protected override request(uri: string, body?: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const { opts } = this;
      const jar = cookieJarOf(opts);
      const fail = (error: Error) =>
        reject([0, new NodeResponse(0, error, error.stack ?? error.message)] satisfies Failure);
      const request = (uri.startsWith("https") ? requestHttps : requestHttp)(uri, {
        method: body === undefined ? "GET" : "POST",
        agent: opts.agent || false,
        headers: { "User-Agent": "node-XMLHttpRequest", Accept: "*/*", ...opts.extraHeaders },
        ...pickOptions(opts),
      });
      const cookies = [request.getHeader("cookie"), jar?.header()].filter(Boolean).join("; ");
      if (cookies) request.setHeader("cookie", cookies);
      if (body !== undefined) {
        request.setHeader("Content-Type", "text/plain;charset=UTF-8");
        request.setHeader("Content-Length", Buffer.byteLength(body));
      }
      if (opts.requestTimeout) {
        request.setTimeout(opts.requestTimeout, () => request.destroy(new Error("request timeout")));
      }
      if (opts.autoUnref) request.on("socket", (socket) => socket.unref());
      request.on("error", fail);
      request.on("response", (response) => {
        jar?.parseCookies(response.headers["set-cookie"]);
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", fail);
        response.on("end", () => {
          const { statusCode: status = 0, statusMessage, headers } = response;
          const text = Buffer.concat(chunks).toString();
          if (status === 200) resolve(text);
          else {
            const context = new NodeResponse(status, statusMessage, text, headers);
            reject([status, context, headers["retry-after"]] satisfies Failure);
          }
        });
      });
      request.end(body);
    });
  }

  protected override _bytes(data: RawData): RawData {
    return bytesFor(this.opts, data);
  }
}
