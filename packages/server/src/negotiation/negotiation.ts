import { HoldfastError } from "../errors.ts";
import type { OnError } from "../kept/kept.ts";
import type { Control, ControlAck, Controls, Extension, Party } from "./extension.ts";
import { invalid, isRecord } from "./invalid.ts";

/** The member of the CONNECT payloads. */
const MEMBER = "holdfast";
/** Asks for more on a socket that is connected (PROTOCOL §1.5). */
const ASK = "holdfast:ask";
/** What is put into the open frame (PROTOCOL §1.1). */
export const MARK: Readonly<Record<string, unknown>> = { holdfast: 1 };

/** What a socket and its client have agreed on. It grows when the client asks for more. */
export interface Agreement {
  /** The member `holdfast` of the answer to CONNECT. */
  readonly answers: Record<string, unknown>;
  /** The extensions that were asked for, in CONNECT or later: none is asked for twice. */
  readonly asked: Set<string>;
  readonly controls: Map<string, Control>;
  readonly granted: Extension[];
}

/** Who asks: a connection, of which only one over our own engine can speak extensions. */
interface Asker {
  readonly conn: { readonly protocol: number };
  readonly outbox: object;
}

/** A socket whose client may ask for more. */
interface Agreeing extends Party {
  readonly client: Asker;
  _agreement: Agreement | undefined;
}

/** What clients may ask of this server, and what they get. */
export class Negotiation {
  /** Taken from every socket. */
  readonly controls: Controls<Agreeing> = new Map([
    [ASK, (socket, args, ack) => this.#onAsk(socket, args, ack)],
  ]);
  readonly #extensions = new Map<string, Extension>();
  readonly #onError: OnError;

  constructor(onError: OnError) {
    this.#onError = onError;
  }

  /** All sockets of a server are of one class: `S` is what the extension needs of it. */
  register<S extends Party>(extension: Extension<S>): void {
    this.#extensions.set(extension.name, extension as unknown as Extension);
  }

  /**
   * Removes from the payload of CONNECT what is not the application's, and returns it; undefined if nothing is asked.
   *
   * @throws what closes the connection
   */
  take(asker: Asker, auth: Record<string, unknown>): Record<string, unknown> | undefined {
    if (!canSpeak(asker) || !Object.hasOwn(auth, MEMBER)) return undefined;
    const asked = auth[MEMBER];
    delete auth[MEMBER];
    if (!isRecord(asked)) throw invalid("holdfast must be an object");
    return asked;
  }

  /** Asks the extensions, one after the other. Never rejects. */
  async negotiate(socket: Party, asked: Record<string, unknown>): Promise<Agreement> {
    const agreement = nothing();
    for (const extension of this.#meant(asked)) {
      const { name } = extension;
      agreement.asked.add(name);
      try {
        agreement.answers[name] = await extension.negotiate(socket, asked[name]);
        grant(agreement, extension);
      } catch (error) {
        agreement.answers[name] = { error: this.#refusal(socket, error as Error) };
      }
    }
    return agreement;
  }

  #onAsk(socket: Agreeing, [asked]: readonly unknown[], ack: ControlAck | undefined): void {
    if (!ack) throw invalid(`${ASK} without an acknowledgement`);
    if (!isRecord(asked)) throw invalid(`${ASK}: what is asked must be an object`);
    void this.#ask(socket, asked, ack);
  }

  /** As {@link negotiate}, of a socket that is connected: it may be gone before there is an answer. */
  async #ask(socket: Agreeing, asked: Record<string, unknown>, ack: ControlAck): Promise<void> {
    socket._agreement ??= nothing();
    const agreement = socket._agreement;
    const answers: Record<string, unknown> = {};
    const granted: Extension[] = [];
    for (const extension of this.#meant(asked)) {
      const { name } = extension;
      try {
        // in the same turn as it is noted: the next message may ask for it too
        checkLate(socket.client, agreement, extension);
        agreement.asked.add(name);
        answers[name] = await extension.negotiate(socket, asked[name]);
        granted.push(extension);
      } catch (error) {
        answers[name] = { error: this.#refusal(socket, error as Error) };
      }
    }
    if (!socket.connected) {
      for (const extension of granted) extension.onClose?.(socket);
      return;
    }
    for (const extension of granted) grant(agreement, extension);
    ack(answers);
    for (const extension of granted) extension.onConnect?.(socket);
  }

  /** Those of our extensions that are asked for. */
  #meant(asked: Record<string, unknown>): Extension[] {
    return [...this.#extensions.values()].filter(({ name }) => Object.hasOwn(asked, name));
  }

  #refusal({ nsp }: Party, error: Error): { code: string; message: string } {
    if (error instanceof HoldfastError) return { code: error.code, message: error.message };
    this.#onError(error, { stage: "negotiate", namespace: nsp.name });
    const { code } = error as { code?: unknown };
    // what a store says of its disk is not for clients
    return {
      code: typeof code === "string" ? code : "INTERNAL",
      message: "not now: see the server's onError",
    };
  }
}

/** Only over our own engine is there what extensions need. */
function canSpeak({ conn, outbox }: Asker): boolean {
  return conn.protocol === 4 && "heldBytes" in outbox;
}

function nothing(): Agreement {
  return { answers: {}, asked: new Set(), controls: new Map(), granted: [] };
}

/** Both ends speak it from now on. */
function grant({ controls, granted }: Agreement, extension: Extension): void {
  granted.push(extension);
  for (const [event, control] of extension.controls) controls.set(event, control);
}

/** Throws if an extension can't be asked for on a socket that is connected. */
function checkLate(asker: Asker, { asked }: Agreement, { name, isLate }: Extension): void {
  if (asked.has(name)) throw invalid(`${name} was asked for before: once per connection`);
  if (!isLate || !canSpeak(asker)) throw invalid(`${name} must be asked for in CONNECT`);
}
