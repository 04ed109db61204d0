import { type Failure, Polling } from "../polling.ts";
import type { RawData } from "../transport.ts";
import { bytesFor } from "./bytes.ts";
import { cookieJarOf } from "./cookie-jar.ts";

/** Long-polling over fetch, with the cookies that a browser would keep. */
export class NodeFetch extends Polling {
  protected override async request(uri: string, body?: string): Promise<string> {
    const { extraHeaders, requestTimeout } = this.opts;
    const jar = cookieJarOf(this.opts);
    const headers = new Headers(extraHeaders);
    const cookies = jar?.header();
    if (cookies) headers.append("cookie", cookies);
    const response = await fetch(uri, {
      method: body === undefined ? "GET" : "POST",
      body: body ?? null,
      headers,
      signal: requestTimeout ? AbortSignal.timeout(requestTimeout) : null,
    });
    jar?.parseCookies(response.headers.getSetCookie());
    if (response.ok) return response.text();
    throw [response.status, response, response.headers.get("retry-after")] satisfies Failure;
  }

  protected override _onError(reason: string, ...failure: Failure): void {
    super._onError(reason.replace("xhr poll", "fetch read").replace("xhr post", "fetch write"), ...failure);
  }

  protected override _bytes(data: RawData): RawData {
    return bytesFor(this.opts, data);
  }
}
