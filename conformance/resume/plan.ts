/** What is issued in one life of the server is numbered from a multiple of this. */
export const ORDERS_PER_RUN = 10_000_000;
export const GROUPS = 7;
export const EXTRAS = 9;

/** The kept rooms that client `n` is in from the beginning. */
export const roomsOf = (n: number): string[] => [`kept:${n % GROUPS}`, `kept:all:${n % 3}`];
