import { type Answer, Polling } from "./polling.ts";

/** Long-polling over fetch, which service workers have, and XMLHttpRequest they have not. */
export class Fetch extends Polling {
  protected readonly errors = ["fetch read error", "fetch write error"] as const;

  protected async request(uri: string, data: string | undefined): Promise<Answer> {
    const { extraHeaders, withCredentials } = this.opts;
    const headers = new Headers(extraHeaders);
    const jar = this.socket._cookieJar;
    if (data !== undefined) headers.set("content-type", "text/plain;charset=UTF-8");
    jar?.appendCookies(headers);
    const response = await fetch(uri, {
      method: data === undefined ? "GET" : "POST",
      body: data ?? null,
      headers,
      credentials: withCredentials ? "include" : "omit",
    });
    jar?.parseCookies(response.headers.getSetCookie());
    const { ok, status } = response;
    return {
      ok,
      status,
      text: ok ? await response.text() : "",
      retryAfter: response.headers.get("retry-after"),
      context: response,
    };
  }
}
