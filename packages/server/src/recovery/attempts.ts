/** A connection that can be told to give way. */
export interface Contender {
  close(discard: boolean): void;
}

/** One connection's try to resume a session. */
export interface Attempt {
  readonly contender: Contender;
  /** Resolves when it has found, or not found, what there is to resume. */
  readonly loaded: Promise<void>;
  onLoaded(): void;
}

/** Who is resuming which session: of two, the later one, since the earlier one may be dead without our knowing. */
export class Attempts {
  readonly #newest = new Map<string, Attempt>();

  has(sid: string): boolean {
    return this.#newest.has(sid);
  }

  isNewest(sid: string, attempt: Attempt): boolean {
    return this.#newest.get(sid) === attempt;
  }

  /** Resolves when those before have given way. */
  async begin(sid: string, contender: Contender): Promise<Attempt> {
    const previous = this.#newest.get(sid);
    let onLoaded!: () => void;
    const loaded = new Promise<void>((resolve) => {
      onLoaded = resolve;
    });
    const attempt = { contender, loaded, onLoaded };
    this.#newest.set(sid, attempt);
    if (previous) {
      if (previous.contender !== contender) previous.contender.close(true);
      await previous.loaded;
      // what it found may be on its way to become a socket
      await new Promise((resolve) => setImmediate(resolve));
    }
    return attempt;
  }

  end(sid: string, attempt: Attempt): void {
    if (this.isNewest(sid, attempt)) this.#newest.delete(sid);
  }
}
