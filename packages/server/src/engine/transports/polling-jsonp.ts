import { parse } from "node:querystring";
import type { EngineRequest } from "../request.ts";
import { Polling, type PollingOptions } from "./polling.ts";

/** Polling through script tags, for Engine.IO v3 clients of old browsers (`j` in the query is their callback). */
export class JsonpPolling extends Polling {
  readonly #callback: string;

  constructor(req: EngineRequest, options: PollingOptions) {
    super(req, options);
    this.#callback = `___eio[${(req._query.j ?? "").replace(/[^0-9]/g, "")}]`;
  }

  /** The payload comes as form field `d`, newlines escaped: `\n` stands for one, `\\n` for a backslash and an n. */
  protected override onPayload(payload: string | Buffer): void {
    const { d } = parse(payload.toString());
    if (typeof d !== "string") return;
    super.onPayload(
      d.replace(/(\\)?\\n/g, (match, escaped) => (escaped ? match : "\n")).replace(/\\\\n/g, "\\n"),
    );
  }

  protected override wrap(payload: string | Buffer): string {
    // two characters that JSON allows and old JavaScript does not
    const json = JSON.stringify(payload.toString())
      .replace(/\u2028/g, "\\u2028")
      .replace(/\u2029/g, "\\u2029");
    return `${this.#callback}(${json});`;
  }
}
