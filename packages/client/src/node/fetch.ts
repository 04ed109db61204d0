import { Fetch } from "../polling.ts";
import { cookieJarOf } from "./cookie-jar.ts";

/** Long-polling over fetch, with the cookies that a browser would keep. */
export class NodeFetch extends Fetch {
  protected override async _fetch(uri: string, request: RequestInit): Promise<Response> {
    const jar = cookieJarOf(this.opts);
    const headers = new Headers(request.headers);
    const cookies = jar?.header();
    if (cookies) headers.append("cookie", cookies);
    const response = await super._fetch(uri, { ...request, headers });
    jar?.parseCookies(response.headers.getSetCookie());
    return response;
  }
}
