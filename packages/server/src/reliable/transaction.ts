import type { AddOptions, Contribution, PreparedAdd, QueueRegistry } from "@holdfast/core";
import { PacketType } from "@holdfast/protocol";
import type { BroadcastOptions, EventPacket, Room } from "../adapter/index.ts";
import { HoldfastError } from "../errors.ts";
import { checkSocketEvent } from "../reserved-events.ts";

/** The most that one transaction may do. */
const OPERATIONS_MAX = 1_000;
const BYTES_MAX = 16 * 1024 * 1024;

/** Whom an event of a transaction goes to: each step returns a new one. */
export interface TransactionOperator {
  /** To the members of a kept room, or of any of several; each gets the event once. The sender too, if it is one. */
  to(room: Room | Room[]): TransactionOperator;
  /** Not to the members of a room, or of any of several; a socket's id stands for itself. */
  except(room: Room | Room[]): TransactionOperator;
  /**
   * Stores the event with the outcome, and delivers it once that is on disk to who is a member then. Throws if it can't
   * be: `ROOM_NOT_KEPT`, `NO_STORE`, `UNSUPPORTED`, `TX_CLOSED`, `TX_TOO_LARGE`, or a StoreError.
   */
  publish(event: string, ...args: unknown[]): void;
}

/** A queue, as a transaction sees it. */
export interface TransactionQueue {
  /**
   * Adds a job with the outcome. Resolves once the job has its place, before it is on disk; rejects as the queue's `add`
   * does.
   */
  add(data: unknown, options?: AddOptions): Promise<{ id: string; isNew: boolean }>;
}

/** What a handler does through this takes effect together with its reply, in one commit, or not at all. */
export interface Transaction<Socket = unknown> {
  /** Who sent the event. It may be gone by now. */
  readonly socket: Socket;
  readonly event: string;
  /** The event's number in its client's outbox; undefined if it was emitted as any other event is. */
  readonly sequence: number | undefined;
  /** Whether the client may have sent it before. It has not taken effect. */
  readonly isRepeat: boolean;
  /** Aborted when the transaction is closed: the handler returned, threw, or took too long. */
  readonly signal: AbortSignal;
  to(room: Room | Room[]): TransactionOperator;
  /** Throws `QUEUE_UNKNOWN` if the server has no queue of that name. */
  queue(name: string): TransactionQueue;
  /** For what stands on the store itself: operations that are added to the commit. */
  add(contribution: Contribution): void;
}

/** A transaction that is nobody's event: `io.transaction`. */
export type ServerTransaction = Pick<Transaction, "to" | "queue" | "add" | "signal">;

/** What a transaction needs of the namespace. */
export interface TransactionHost {
  /** Makes an event what a commit can hold. Throws `ROOM_NOT_KEPT`, `NO_STORE`, `UNSUPPORTED` or a StoreError. */
  prepare(packet: EventPacket, opts: BroadcastOptions): Contribution;
  readonly queues: QueueRegistry | undefined;
}

export interface TransactionAbout<Socket> {
  readonly socket: Socket;
  readonly event: string;
  readonly sequence: number | undefined;
  readonly isRepeat: boolean;
}

/** Gathers what a handler does. */
export class OpenTransaction<Socket> implements Transaction<Socket> {
  readonly socket: Socket;
  readonly event: string;
  readonly sequence: number | undefined;
  readonly isRepeat: boolean;
  readonly #host: TransactionHost;
  readonly #contributions: Contribution[] = [];
  #operations = 0;
  #bytes = 0;
  #isClosed = false;
  #abort: AbortController | undefined;
  /** Jobs that are being given their place. */
  #pending: Adding[] = [];

  constructor(host: TransactionHost, { socket, event, sequence, isRepeat }: TransactionAbout<Socket>) {
    this.#host = host;
    this.socket = socket;
    this.event = event;
    this.sequence = sequence;
    this.isRepeat = isRepeat;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#isClosed) this.#abort.abort();
    return this.#abort.signal;
  }

  to(room: Room | Room[]): TransactionOperator {
    return new Publisher((packet, opts) => this.#publish(packet, opts), [], []).to(room);
  }

  queue(name: string): TransactionQueue {
    const { queues } = this.#host;
    if (!queues?.has(name))
      throw new HoldfastError("QUEUE_UNKNOWN", `there is no queue ${JSON.stringify(name)}`);
    const queue = queues.queue(name);
    return {
      add: (data, options) => {
        this.#check();
        const adding = Adding.of(this.#addJob(queue.prepare(data, options, this)));
        this.#pending.push(adding);
        return adding;
      },
    };
  }

  add(contribution: Contribution): void {
    this.#check();
    const operations = this.#operations + contribution.operations.length;
    let bytes = this.#bytes;
    for (const operation of contribution.operations) {
      if (operation.type === "append") bytes += operation.payload.length;
      else if (operation.type === "put") bytes += operation.value.length;
    }
    if (operations > OPERATIONS_MAX || bytes > BYTES_MAX) {
      throw new HoldfastError(
        "TX_TOO_LARGE",
        `a transaction holds at most ${OPERATIONS_MAX} operations and ${BYTES_MAX} bytes`,
      );
    }
    this.#operations = operations;
    this.#bytes = bytes;
    this.#contributions.push(contribution);
  }

  /** Whether something was begun that is not part of it yet. */
  get isPending(): boolean {
    return this.#pending.length > 0;
  }

  /** Whether there is something to commit. */
  get hasEffect(): boolean {
    return this.#contributions.length > 0;
  }

  /** Resolves when all that was begun is part of it; rejects if something can't be. */
  async settled(): Promise<void> {
    // what was added while others were waited for counts too
    while (this.#pending.length > 0) await Promise.all(this.#pending.splice(0).map((one) => one.settled()));
  }

  /** Nothing can be added any more. */
  close(): readonly Contribution[] {
    this.#isClosed = true;
    this.#abort?.abort();
    return this.#contributions;
  }

  /** Closes it without effect. */
  drop(): void {
    for (const contribution of this.close()) contribution.dropped?.();
  }

  #publish(packet: EventPacket, opts: BroadcastOptions): void {
    this.#check();
    this.add(this.#host.prepare(packet, opts));
  }

  async #addJob(preparing: Promise<PreparedAdd>): Promise<{ id: string; isNew: boolean }> {
    const prepared = await preparing;
    const { operations, preconditions, id, isNew } = prepared;
    try {
      this.add({
        operations,
        preconditions,
        // whoever waits for the outcome hears of a failure
        issued: (receipt) => void prepared.issued(receipt).catch(() => {}),
        dropped: () => prepared.dropped(),
      });
    } catch (error) {
      prepared.dropped();
      throw error;
    }
    return { id, isNew };
  }

  #check(): void {
    if (!this.#isClosed) return;
    throw new HoldfastError(
      "TX_CLOSED",
      "the handler has returned, or its time is up: its transaction is closed",
    );
  }
}

/** A job on its way into a transaction: if that fails and nobody hears of it, the transaction does. */
class Adding extends Promise<{ id: string; isNew: boolean }> {
  static override get [Symbol.species]() {
    return Promise;
  }

  static of(adding: Promise<{ id: string; isNew: boolean }>): Adding {
    // the handler may have thrown by then
    adding.catch(() => {});
    const own = new Adding((resolve) => resolve(adding));
    Promise.prototype.then.call(own, undefined, () => {});
    return own;
  }

  #isHeard = false;

  // biome-ignore lint/suspicious/noThenProperty: a promise has one; `await` calls it
  override then<A, B>(
    onDone?: ((added: { id: string; isNew: boolean }) => A | PromiseLike<A>) | null,
    onFailed?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#isHeard = true;
    return super.then(onDone, onFailed) as Promise<A | B>;
  }

  async settled(): Promise<void> {
    const isHeard = this.#isHeard;
    try {
      await this;
    } catch (error) {
      if (!isHeard) throw error;
    }
  }
}

class Publisher implements TransactionOperator {
  readonly #publish: (packet: EventPacket, opts: BroadcastOptions) => void;
  readonly #rooms: readonly Room[];
  readonly #except: readonly Room[];

  constructor(
    publish: (packet: EventPacket, opts: BroadcastOptions) => void,
    rooms: readonly Room[],
    except: readonly Room[],
  ) {
    this.#publish = publish;
    this.#rooms = rooms;
    this.#except = except;
  }

  to(room: Room | Room[]): TransactionOperator {
    return new Publisher(this.#publish, this.#rooms.concat(room), this.#except);
  }

  except(room: Room | Room[]): TransactionOperator {
    return new Publisher(this.#publish, this.#rooms, this.#except.concat(room));
  }

  publish(event: string, ...args: unknown[]): void {
    checkSocketEvent(event);
    const opts: BroadcastOptions = { rooms: new Set(this.#rooms), except: new Set(this.#except), flags: {} };
    this.#publish({ type: PacketType.EVENT, data: [event, ...args] }, opts);
  }
}
