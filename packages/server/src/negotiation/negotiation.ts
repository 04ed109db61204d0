import { HoldfastError } from "../errors.ts";
import type { OnError } from "../kept/kept.ts";
import type { Control, Controls, Extension, Party } from "./extension.ts";
import { invalid, isRecord } from "./invalid.ts";

/** The member of the CONNECT payloads. */
const MEMBER = "holdfast";
/** What is put into the open frame (PROTOCOL §1.1). */
export const MARK: Readonly<Record<string, unknown>> = { holdfast: 1 };

/** What a socket and its client have agreed on. */
export interface Agreement {
  /** The member `holdfast` of the answer to CONNECT. */
  readonly answers: Readonly<Record<string, unknown>>;
  readonly controls: Controls;
  readonly granted: readonly Extension[];
}

/** Who asks: a connection, of which only one over our own engine can speak extensions. */
interface Asker {
  readonly conn: { readonly protocol: number };
  readonly outbox: object;
}

/** What clients may ask of this server in CONNECT, and what they get. */
export class Negotiation {
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
  take({ conn, outbox }: Asker, auth: Record<string, unknown>): Record<string, unknown> | undefined {
    if (conn.protocol !== 4 || !("heldBytes" in outbox) || !Object.hasOwn(auth, MEMBER)) return undefined;
    const asked = auth[MEMBER];
    delete auth[MEMBER];
    if (!isRecord(asked)) throw invalid("holdfast must be an object");
    return asked;
  }

  /** Asks the extensions, one after the other. Never rejects. */
  async negotiate(socket: Party, asked: Record<string, unknown>): Promise<Agreement> {
    const answers: Record<string, unknown> = {};
    const granted: Extension[] = [];
    const controls = new Map<string, Control>();
    for (const extension of this.#extensions.values()) {
      const { name } = extension;
      if (!Object.hasOwn(asked, name)) continue;
      try {
        answers[name] = await extension.negotiate(socket, asked[name]);
        granted.push(extension);
        for (const [event, control] of extension.controls) controls.set(event, control);
      } catch (error) {
        answers[name] = { error: this.#refusal(socket, error as Error) };
      }
    }
    return { answers, controls, granted };
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
