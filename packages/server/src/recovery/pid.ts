import { createHmac, timingSafeEqual } from "node:crypto";

/** What a pid stands for: a session, and where in the log it began. */
export interface PidContent {
  readonly sid: string;
  /** Offset of the last event issued before the session began: it has no part in that or what came before. */
  readonly start: number;
  /** ms since 1970. */
  readonly issuedAt: number;
}

const MAC_BYTES = 16;

/**
 * Makes and reads the private ids by which clients resume. A pid carries what it stands for, authenticated by a key of
 * the store, so that a session of which nothing has changed needs no record. It is bound to a namespace.
 */
export class Pids {
  readonly #key: Buffer;
  readonly #namespace: string;

  constructor(key: Buffer, namespace: string) {
    this.#key = key;
    this.#namespace = namespace;
  }

  issue({ sid, start, issuedAt }: PidContent): string {
    const body = `${sid}.${start.toString(36)}.${issuedAt.toString(36)}`;
    return `${body}.${this.#mac(body).toString("base64url")}`;
  }

  /** undefined for what is not ours, or not of this namespace. */
  read(pid: string): PidContent | undefined {
    const dot = pid.lastIndexOf(".");
    const body = pid.slice(0, dot);
    const mac = Buffer.from(pid.slice(dot + 1), "base64url");
    if (dot < 0 || mac.length !== MAC_BYTES || !timingSafeEqual(mac, this.#mac(body))) return undefined;
    const [sid, start, issuedAt] = body.split(".") as [string, string, string];
    return { sid, start: Number.parseInt(start, 36), issuedAt: Number.parseInt(issuedAt, 36) };
  }

  #mac(body: string): Buffer {
    return createHmac("sha256", this.#key)
      .update(`${this.#namespace}\n${body}`)
      .digest()
      .subarray(0, MAC_BYTES);
  }
}
