import { io } from "holdfast-client";

/** A client that emits numbers, and counts what becomes of them. */
export class Sender {
  readonly id: number;
  resolved = 0;
  rejected = 0;
  /** Replies to another number. */
  mistaken = 0;
  readonly #socket: ReturnType<typeof io>;
  readonly #settled: Promise<void>[] = [];
  #count = 0;

  constructor(id: number, url: string) {
    this.id = id;
    this.#socket = io(url, {
      forceNew: true,
      outbox: "memory",
      // either way of getting through
      transports: id % 4 === 0 ? ["polling", "websocket"] : ["websocket"],
      reconnectionDelay: 20,
      reconnectionDelayMax: 200,
      timeout: 5_000,
    });
  }

  get emitted(): number {
    return this.#count;
  }

  emit(count: number): void {
    for (let i = 0; i < count; i++) {
      const number = this.#count++;
      this.#settled.push(
        this.#socket.reliable.emit("note", this.id, number).then(
          (reply) => {
            this.resolved++;
            if (reply !== `${this.id}:${number}`) this.mistaken++;
          },
          (error) => {
            this.rejected++;
            console.error(`client ${this.id}, number ${number}:`, error);
          },
        ),
      );
    }
  }

  async allSettled(): Promise<void> {
    await Promise.all(this.#settled);
  }

  close(): void {
    this.#socket.disconnect();
  }
}
