import type { Options } from "../../src/io.ts";
import { type FakeConnection, FakeServer, next } from "../reliable/fake-server.ts";

/** What the client shows in CONNECT. */
export interface Asked {
  key?: string;
  credit: number;
  positions?: Record<string, [string, string]>;
}

/** A storage of the test: what it was given, and what it fails with. */
export class TestStorage {
  readonly items = new Map<string, string>();
  error: Error | undefined;
  writes = 0;

  getItem(key: string): string | null {
    if (this.error) throw this.error;
    return this.items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    if (this.error) throw this.error;
    this.writes++;
    this.items.set(key, value);
  }

  /** What the only client of it has kept. */
  get kept(): [key: string, positions: Record<string, [string, string]>] {
    return JSON.parse([...this.items.values()][0]!);
  }
}

/** A server that speaks PROTOCOL chapter 3 as it is told to. */
export class ResumeServer {
  readonly fake: FakeServer;
  connection!: FakeConnection;

  private constructor(fake: FakeServer) {
    this.fake = fake;
  }

  static async listen(handshake?: object): Promise<ResumeServer> {
    return new ResumeServer(await FakeServer.listen(handshake));
  }

  client(options: Options = {}, nsp?: string) {
    return this.fake.client({ resume: true, ...options }, nsp);
  }

  /** The payload of the next CONNECT, unanswered. */
  async asked(): Promise<{ pid?: string; offset?: string; holdfast?: { resume: Asked } }> {
    this.connection = await this.fake.connections.next();
    return (await this.connection.connect()) as never;
  }

  accept(answer: object = { key: "K", refused: {} }, more: object = {}): void {
    this.connection.say(`40${JSON.stringify({ sid: "id", ...more, holdfast: { resume: answer } })}`);
  }

  /** Takes the next connection; resolves with what was asked. */
  async grant(answer?: object): Promise<Asked> {
    const { holdfast } = await this.asked();
    this.accept(answer);
    return holdfast!.resume;
  }

  /** An event, or a control message if it ends in 1. */
  say(...event: unknown[]): void {
    this.connection.say(`42${JSON.stringify(event)}`);
  }

  joined(room: string, offset: string, grant = `grant of ${room}`): void {
    this.say("joined", room, offset, grant, 1);
  }

  /** Resolves when the client has taken all that was said so far. */
  async taken(socket: { once(event: string, listener: () => void): unknown }): Promise<void> {
    const taken = next(socket as never, "taken");
    this.say("taken", "");
    await taken;
  }

  /** Drops the connection; resolves with what the client shows when it comes again, unanswered. */
  async again(): Promise<Awaited<ReturnType<ResumeServer["asked"]>>> {
    this.connection.drop();
    return this.asked();
  }

  /** What the client would show of its positions now: it is made to come again. */
  async positions(): Promise<Asked["positions"]> {
    const { holdfast } = await this.again();
    return holdfast!.resume.positions;
  }
}
