/** What is issued in one life of a server is numbered from a multiple of this. */
const ORDERS_PER_LIFE = 10_000_000;

/** The number before the first one of a life. */
export const beforeLife = (life: number): number => life * ORDERS_PER_LIFE;

/**
 * Which numbers were let go. What of a life of the server was seen by anybody was stored, and with it all that was issued
 * before; what was issued later may have gone down with the process, unseen.
 */
export class Released {
  readonly #newest = new Map<number, number>();

  see(order: number): void {
    const life = lifeOf(order);
    this.#newest.set(life, Math.max(this.#newest.get(life) ?? 0, order));
  }

  has(order: number): boolean {
    return order <= (this.#newest.get(lifeOf(order)) ?? 0);
  }
}

const lifeOf = (order: number) => Math.floor(order / ORDERS_PER_LIFE);
