import { Agent } from "node:http";
import { cleanUpLater } from "./cleanup.ts";
import { type HttpRequest, type HttpResponse, queryOf, request } from "./http-request.ts";

/** The JSON of an open packet. */
export interface OpenData {
  sid: string;
  upgrades: string[];
  pingInterval: number;
  pingTimeout: number;
  maxPayload: number;
}

export interface ConnectionOptions {
  /** Defaults to "/engine.io/". */
  path?: string;
  query?: Record<string, string | undefined>;
  headers?: Record<string, string>;
}

const separator = "\x1e";

/** An Engine.IO v4 client over HTTP long-polling that shows every packet as the text it was sent as. */
export class PollingClient {
  readonly open: OpenData;
  readonly handshake: HttpResponse;
  /** The path with the session's query. */
  readonly target: string;
  readonly #port: number;
  readonly #agent: Agent;
  readonly #headers: Record<string, string>;
  readonly #packets: string[] = [];

  private constructor(
    port: number,
    agent: Agent,
    handshake: HttpResponse,
    base: string,
    headers: Record<string, string>,
  ) {
    const [open = "", ...rest] = handshake.text.split(separator);
    this.#port = port;
    this.#agent = agent;
    this.#headers = headers;
    this.handshake = handshake;
    this.open = JSON.parse(open.slice(1)) as OpenData;
    this.target = `${base}&sid=${encodeURIComponent(this.open.sid)}`;
    this.#packets.push(...rest);
  }

  /** Performs the handshake; throws unless it succeeds. */
  static async connect(port: number, options: ConnectionOptions = {}): Promise<PollingClient> {
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    cleanUpLater(() => agent.destroy());
    const base = `${options.path ?? "/engine.io/"}?${queryOf({ EIO: "4", transport: "polling", ...options.query })}`;
    const headers = options.headers ?? {};
    const handshake = await request(port, base, { agent, headers });
    if (handshake.status !== 200) throw new Error(`handshake failed: ${handshake.status} ${handshake.text}`);
    return new PollingClient(port, agent, handshake, base, headers);
  }

  get sid(): string {
    return this.open.sid;
  }

  /** One GET: the whole response. */
  get(options: HttpRequest = {}): Promise<HttpResponse> {
    return this.request({ ...options, method: "GET" });
  }

  /** One POST of an encoded payload. */
  post(payload: string | Buffer, options: HttpRequest = {}): Promise<HttpResponse> {
    return this.request({
      ...options,
      method: "POST",
      body: payload,
      headers: { "content-type": "text/plain;charset=UTF-8", ...options.headers },
    });
  }

  request(options: HttpRequest): Promise<HttpResponse> {
    return request(this.#port, this.target, {
      agent: this.#agent,
      ...options,
      headers: { ...this.#headers, ...options.headers },
    });
  }

  /** The packets of one GET, encoded. */
  async poll(): Promise<string[]> {
    const { status, text } = await this.get();
    if (status !== 200) throw new Error(`poll failed: ${status} ${text}`);
    return text.split(separator);
  }

  /** The next packet, polling as often as needed. */
  async next(): Promise<string> {
    while (this.#packets.length === 0) this.#packets.push(...(await this.poll()));
    return this.#packets.shift() as string;
  }

  async take(count: number): Promise<string[]> {
    const taken: string[] = [];
    while (taken.length < count) taken.push(await this.next());
    return taken;
  }

  /** Sends packets in one payload; throws unless the server takes it. */
  async send(...packets: string[]): Promise<void> {
    const { status, text } = await this.post(packets.join(separator));
    if (status !== 200) throw new Error(`post failed: ${status} ${text}`);
  }
}
