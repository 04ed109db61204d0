import type { Running } from "../kept/support.ts";

/** A client that gets nothing between its polls: it is as slow as the test wants. */
export class Poller {
  /** Name and arguments of each event, in the order in which they came. */
  readonly got: unknown[][] = [];
  /** The same for the namespace "/other". */
  readonly others: unknown[][] = [];
  /** The answer to CONNECT. */
  connected: { sid: string; pid?: string } | undefined;
  readonly #url: string;
  readonly #hasStamps: boolean;
  /** The newest offset that it was given, as stock clients take it. */
  offset: string | undefined;
  #polling: Promise<boolean> | undefined;

  private constructor(url: string, hasStamps: boolean) {
    this.#url = url;
    this.#hasStamps = hasStamps;
  }

  /** @param hasStamps events end in an offset: connection state recovery */
  static async connect(
    { port }: Pick<Running, "port">,
    { auth, hasStamps = false }: { auth?: object; hasStamps?: boolean } = {},
  ) {
    const base = `http://localhost:${port}/socket.io/?EIO=4&transport=polling`;
    const opening = await (await fetch(base)).text();
    const { sid } = JSON.parse(opening.slice(1)) as { sid: string };
    const poller = new Poller(`${base}&sid=${sid}`, hasStamps);
    await poller.send(`40${auth ? JSON.stringify(auth) : ""}`);
    while (!poller.connected) await poller.poll();
    return poller;
  }

  async send(body: string): Promise<void> {
    await fetch(this.#url, { method: "POST", body });
  }

  /** One poll; the same while one is under way. False once the session is over. */
  poll(): Promise<boolean> {
    this.#polling ??= this.#poll().finally(() => {
      this.#polling = undefined;
    });
    return this.#polling;
  }

  async #poll(): Promise<boolean> {
    const response = await fetch(this.#url);
    const body = await response.text();
    if (response.status !== 200) return false;
    for (const frame of body.split("\x1e")) {
      if (frame.startsWith("40/")) continue;
      else if (frame.startsWith("40")) this.connected = JSON.parse(frame.slice(2));
      else if (frame.startsWith("42/other,")) this.others.push(JSON.parse(frame.slice(9)));
      else if (/^42\d/.test(frame)) continue;
      else if (frame.startsWith("42")) this.#onEvent(JSON.parse(frame.slice(2)));
      else if (frame === "1" || frame === "41") return false;
      else if (frame === "2") await this.send("3");
    }
    return true;
  }

  #onEvent(event: unknown[]): void {
    if (this.#hasStamps) this.offset = event.pop() as string;
    this.got.push(event);
  }
}
