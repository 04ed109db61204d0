import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const MAC_BYTES = 16;
const KEY_BYTES = 16;
const SEPARATOR = ".";

/** What a grant stands for. */
export interface Grant {
  readonly namespace: string;
  readonly room: string;
  /** Who may show it: a client's key, or a user. */
  readonly holder: string;
  /** No position may be before it: the offset at which the holder first joined. */
  readonly floor: number;
  /** Of the room's log then. */
  readonly epoch: string;
}

/** As {@link Grant}, for what the text itself says. */
type GrantContent = Pick<Grant, "floor" | "epoch">;

/** Makes and checks, with the key of the store, what clients show of where they stand (PROTOCOL §3.7). */
export class Grants {
  readonly #secret: Buffer;

  constructor(secret: Buffer) {
    this.#secret = secret;
  }

  issue(grant: Grant): string {
    const floor = grant.floor.toString(36);
    return [this.#mac(grantFacts(grant)), floor, grant.epoch].join(SEPARATOR);
  }

  /** undefined for one that was not given, or not for this, or to none of these. */
  read(text: string, namespace: string, room: string, holders: readonly string[]): GrantContent | undefined {
    const macEnd = text.indexOf(SEPARATOR);
    const floorEnd = text.indexOf(SEPARATOR, macEnd + 1);
    if (macEnd < 0 || floorEnd < 0) return undefined;
    const mac = text.slice(0, macEnd);
    const floor = Number.parseInt(text.slice(macEnd + 1, floorEnd), 36);
    const epoch = text.slice(floorEnd + 1);
    if (!Number.isSafeInteger(floor)) return undefined;
    const isHolder = (holder: string) =>
      isEqual(mac, this.#mac(grantFacts({ namespace, room, holder, floor, epoch })));
    return holders.some(isHolder) ? { floor, epoch } : undefined;
  }

  /** A key for a client that has none. */
  newKey(): string {
    const random = randomBytes(KEY_BYTES).toString("base64url");
    return random + SEPARATOR + this.#mac(["key", random]);
  }

  /** Whether it is one of ours. */
  isKey(text: string): boolean {
    const [random, mac, ...rest] = text.split(SEPARATOR);
    return rest.length === 0 && mac !== undefined && isEqual(mac, this.#mac(["key", random!]));
  }

  #mac(facts: readonly (string | number)[]): string {
    // as JSON no two lists read the same
    const hmac = createHmac("sha256", this.#secret).update(`resume\n${JSON.stringify(facts)}`);
    return hmac.digest().subarray(0, MAC_BYTES).toString("base64url");
  }
}

function grantFacts({ namespace, room, holder, floor, epoch }: Grant): (string | number)[] {
  return ["grant", namespace, room, holder, floor, epoch];
}

function isEqual(shown: string, ours: string): boolean {
  const a = Buffer.from(shown);
  const b = Buffer.from(ours);
  return a.length === b.length && timingSafeEqual(a, b);
}
