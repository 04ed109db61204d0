import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { type Answer, Polling } from "../polling.ts";
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
  protected readonly errors = ["xhr poll error", "xhr post error"] as const;

  protected request(uri: string, data: string | undefined): Promise<Answer> {
    return new Promise((resolve) => {
      const fail = (error: Error) =>
        resolve({
          ok: false,
          status: 0,
          text: "",
          context: new NodeResponse(0, error, error.stack ?? error.message),
        });
      try {
        this._send(uri, data, resolve, fail);
      } catch (error) {
        fail(error as Error);
      }
    });
  }

  private _send(
    uri: string,
    data: string | undefined,
    done: (answer: Answer) => void,
    fail: (error: Error) => void,
  ): void {
    const { opts } = this;
    const jar = this.socket._cookieJar;
    const request = (opts.secure ? requestHttps : requestHttp)(uri, {
      method: data === undefined ? "GET" : "POST",
      agent: opts.agent || false,
      headers: {
        "User-Agent": "node-XMLHttpRequest",
        Accept: "*/*",
        ...opts.extraHeaders,
        ...(data === undefined
          ? {}
          : { "Content-Type": "text/plain;charset=UTF-8", "Content-Length": Buffer.byteLength(data) }),
      },
      ...pickOptions(opts),
    });
    const cookies = [request.getHeader("cookie"), jar?.header()].filter(Boolean).join("; ");
    if (cookies) request.setHeader("cookie", cookies);
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
        done({
          ok: status === 200,
          status,
          text,
          retryAfter: headers["retry-after"],
          context: new NodeResponse(status, statusMessage, text, headers),
        });
      });
    });
    request.end(data);
  }
}
