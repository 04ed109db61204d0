const CHUNK_BYTES = 1024 * 1024;
const CHUNKS_KEPT = 4;

/**
 * Memory for the values of one batch, used again for the next: LMDB's thread reads it until the batch has
 * committed, and asks for the address of each underlying buffer only once.
 */
export class Arena {
  #chunks: Buffer[] = [];
  #index = 0;
  #position = 0;

  /** At least `size` bytes. What is not used goes back through `giveBack`. */
  take(size: number): Buffer {
    for (;;) {
      let chunk = this.#chunks[this.#index];
      if (!chunk) {
        chunk = Buffer.from(new ArrayBuffer(Math.max(CHUNK_BYTES, size)));
        this.#chunks.push(chunk);
      }
      if (chunk.length - this.#position >= size) {
        const start = this.#position;
        this.#position += size;
        return chunk.subarray(start, start + size);
      }
      this.#index++;
      this.#position = 0;
    }
  }

  /** The last bytes of what was taken last were not needed. */
  giveBack(size: number): void {
    this.#position -= size;
  }

  /** The batch is over: everything taken may be overwritten. */
  reset(): void {
    this.#chunks.length = Math.min(this.#chunks.length, CHUNKS_KEPT);
    // A chunk made for one huge event is not worth keeping.
    this.#chunks = this.#chunks.filter((chunk) => chunk.length === CHUNK_BYTES);
    this.#index = 0;
    this.#position = 0;
  }
}
