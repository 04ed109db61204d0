import { type Answer, Polling } from "./polling.ts";

/** Long-polling over XMLHttpRequest. */
export class XHR extends Polling {
  protected readonly errors = ["xhr poll error", "xhr post error"] as const;

  protected request(uri: string, data: string | undefined): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { extraHeaders, withCredentials, requestTimeout } = this.opts;
      const xhr = new XMLHttpRequest();
      const isPost = data !== undefined;
      xhr.open(isPost ? "POST" : "GET", uri);
      for (const name in extraHeaders) xhr.setRequestHeader(name, extraHeaders[name]!);
      if (isPost) xhr.setRequestHeader("Content-type", "text/plain;charset=UTF-8");
      xhr.withCredentials = !!withCredentials;
      xhr.timeout = requestTimeout ?? 0;
      xhr.onloadend = () =>
        resolve({
          ok: xhr.status === 200,
          status: xhr.status,
          text: xhr.responseText,
          // getResponseHeader complains on the console where CORS hides the header
          retryAfter: /^retry-after: *(.*)/im.exec(xhr.getAllResponseHeaders())?.[1],
          context: xhr,
        });
      xhr.send(data);
    });
  }
}
