/** What is issued in one life of the server is numbered from a multiple of this. */
export const ORDERS_PER_RUN = 10_000_000;
export const ROOMS = 20;
export const GROUPS = 7;

/** The rooms that client `n` is in from the beginning. */
export const roomsOf = (n: number): string[] => [`room:${n % ROOMS}`, `kept:${n % GROUPS}`];
