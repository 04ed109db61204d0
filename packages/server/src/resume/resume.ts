import type { KeptRooms } from "@holdfast/core";
import type { PacketSink, Room } from "../adapter/index.ts";
import type { Codec } from "../codec.ts";
import { type Front, type Kept, storeSecret } from "../kept/index.ts";
import type { Control, Extension, Party } from "../negotiation/index.ts";
import { Stamps } from "../recovery/index.ts";
import { type Asked, parseAsked, parseCredit, type ShownPosition } from "./asked.ts";
import { Credit } from "./credit.ts";
import { Dialect, StampedSink } from "./dialect.ts";
import { Grants } from "./grants.ts";
import { type ResolvedResumeOptions, type ResumeOptions, resolveResume } from "./options.ts";
import { Reader, type Shelf, type Shown } from "./reader.ts";

/** A socket, as far as resume is concerned. */
export interface ResumingSocket extends Party {
  outbox: PacketSink;
  readonly rooms: ReadonlySet<Room>;
  readonly nsp: {
    readonly name: string;
    readonly server: { readonly codec: Codec };
    readonly adapter: object;
  };
  /** Of a recovered session: what it missed in each of its rooms. */
  readonly _restoration?: { readonly missed: ReadonlyMap<string, { readonly after: number }> } | undefined;
  readonly client: { _speak(namespace: string, sink: PacketSink): void };
}

/** The adapter of every namespace of a server with a store. */
interface Keeper {
  readonly front: Front;
  keptOf(rooms: Iterable<Room>): Room[];
  onRecovered(socket: object, room: Room, after: number): void;
  missedEarly(socket: object): ReadonlyMap<Room, unknown> | undefined;
}

/** Why a position does not count (PROTOCOL §3.7). */
type Refusal = "POSITION_FORGED" | "POSITION_OLD" | "POSITION_FUTURE" | "POSITION_LIMIT";

/** Clients that go on where they stood, across everything: verifies what they show, and tells them where they stand. */
export class Resume implements Extension<ResumingSocket> {
  readonly name = "resume";
  readonly controls: ReadonlyMap<string, Control<ResumingSocket>> = new Map([
    ["holdfast:credit", (socket, [events]) => this.#readers.get(socket)?.giveCredit(parseCredit(events))],
  ]);
  readonly #rooms: KeptRooms;
  readonly #options: ResolvedResumeOptions;
  readonly #secret: Promise<Buffer>;
  readonly #shelves = new WeakMap<Front, Shelf>();
  readonly #readers = new WeakMap<object, Reader>();
  #isSpoken = false;

  constructor({ store, rooms }: Kept, options: ResumeOptions | undefined) {
    this.#rooms = rooms;
    this.#options = resolveResume(options);
    this.#secret = storeSecret(store);
    // whoever needs it hears of it
    this.#secret.catch(() => {});
  }

  /** How many rooms of one socket's past are remembered. */
  get positionsMax(): number {
    return this.#options.positionsMax;
  }

  /** Whether there has been anybody. */
  get isSpoken(): boolean {
    return this.#isSpoken;
  }

  /** undefined for sockets that don't speak resume. */
  readerOf(socket: object): Reader | undefined {
    return this.#readers.get(socket);
  }

  async negotiate(socket: ResumingSocket, value: unknown): Promise<unknown> {
    const asked = parseAsked(value, this.#options.positionsMax);
    const shelf = await this.#shelf(socket);
    const { grants } = shelf;
    const key = asked.key !== undefined && grants.isKey(asked.key) ? asked.key : grants.newKey();
    const user = await this.#userOf(socket);
    const byKey = `key:${key}`;
    const holder = user === undefined ? byKey : `user:${user}`;
    const holders = [holder, byKey];
    let { shown, refused } = this.#judge(asked, holders, shelf, shelf.front.last);
    // other processes may have issued events too
    if ([...refused.values()].includes("POSITION_FUTURE")) {
      const head = await this.#rooms.store.head(shelf.namespace);
      ({ shown, refused } = this.#judge(asked, holders, shelf, Math.max(head, shelf.front.last)));
    }
    this.#isSpoken = true;
    const sink = new StampedSink(socket.outbox, shelf.dialect);
    socket.outbox = sink;
    socket.client._speak(shelf.namespace, sink);
    const reader = new Reader(socket, shelf, key, holder, shown, this.#credit(socket, asked));
    this.#readers.set(socket, reader);
    this.#tellRecovered(socket, reader);
    return { key, refused: Object.fromEntries(refused) };
  }

  onConnect(socket: ResumingSocket): void {
    const reader = this.#readers.get(socket);
    const early = keeperOf(socket).missedEarly(socket);
    // what middleware made it join
    for (const room of keptRoomsOf(socket)) {
      if (!missedBy(socket, room) && !early?.has(room)) reader?.onJoin(room);
    }
  }

  /** A replay would wait for credit in vain. */
  onClosing(socket: ResumingSocket): void {
    this.#readers.get(socket)?.close();
  }

  onClose(socket: ResumingSocket): void {
    this.#readers.get(socket)?.close();
  }

  async #userOf(socket: ResumingSocket): Promise<string | undefined> {
    const user: unknown = (await this.#options.identify?.(socket)) ?? undefined;
    if (user === undefined || typeof user === "string") return user;
    // programs without types have numbers too; anything else reads the same for everybody
    if (typeof user === "number") return String(user);
    throw new TypeError(`resume.identify returned ${typeof user}; it must return text or null`);
  }

  /** Before any event of the rooms that its session still has. */
  #tellRecovered(socket: ResumingSocket, reader: Reader): void {
    for (const room of keptRoomsOf(socket)) {
      const missed = missedBy(socket, room);
      if (missed) keeperOf(socket).onRecovered(socket, room, reader.onRecovered(room, missed.after));
    }
  }

  #credit({ conn }: ResumingSocket, { credit }: Asked): Credit {
    const { creditMax, creditTimeoutMs } = this.#options;
    return new Credit(Math.min(credit, creditMax), creditTimeoutMs, () => {
      const error = new Error(
        `CREDIT_TIMEOUT: a replay has waited for its client for ${creditTimeoutMs} ms (option resume.creditTimeoutMs)`,
      );
      conn.onClose("transport error", Object.assign(error, { code: "CREDIT_TIMEOUT" }));
    });
  }

  #judge({ positions, tooMany }: Asked, holders: readonly string[], shelf: Shelf, newest: number) {
    const shown = new Map<Room, Shown>();
    const refused = new Map<Room, Refusal>(tooMany.map((room) => [room, "POSITION_LIMIT"]));
    for (const position of positions) {
      const outcome = this.#verdict(position, holders, shelf, newest);
      if (typeof outcome === "string") refused.set(position.room, outcome);
      else shown.set(position.room, outcome);
    }
    return { shown, refused };
  }

  #verdict(
    { room, offset: text, grant: shown }: ShownPosition,
    holders: readonly string[],
    { namespace, grants, stamps }: Shelf,
    newest: number,
  ): Shown | Refusal {
    const grant = grants.read(shown, namespace, room, holders);
    const offset = stamps.parse(text);
    if (!grant || typeof offset !== "number") return "POSITION_FORGED";
    const { floor, epoch } = grant;
    if (offset < floor) return "POSITION_OLD";
    // what an unclean stop has taken from a log with flush: false may have been the newest there was
    const isCurrent = epoch === this.#rooms.positionOf(room, offset).epoch;
    if (isCurrent && offset > newest) return "POSITION_FUTURE";
    return { epoch, offset, floor };
  }

  /** Rejects as the store does. */
  async #shelf(socket: ResumingSocket): Promise<Shelf> {
    const { name: namespace, server } = socket.nsp;
    const { front } = keeperOf(socket);
    const [secret] = await Promise.all([this.#secret, front.ready]);
    let shelf = this.#shelves.get(front);
    if (!shelf) {
      const stamps = new Stamps(secret, namespace);
      const dialect = new Dialect(namespace, server.codec, stamps);
      shelf = { namespace, rooms: this.#rooms, front, grants: new Grants(secret), stamps, dialect };
      this.#shelves.set(front, shelf);
    }
    return shelf;
  }
}

function keeperOf({ nsp }: ResumingSocket): Keeper {
  return nsp.adapter as Keeper;
}

function keptRoomsOf(socket: ResumingSocket): Room[] {
  return keeperOf(socket).keptOf([...socket.rooms].filter((room) => room !== socket.id));
}

/** What it missed of a room that its session still has. */
function missedBy({ _restoration }: ResumingSocket, room: Room): { readonly after: number } | undefined {
  return _restoration?.missed.get(room);
}
