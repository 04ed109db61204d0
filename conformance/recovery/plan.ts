export const ROOMS = 20;
export const GROUPS = 7;

/** The rooms that client `n` is in from the beginning. */
export const roomsOf = (n: number): string[] => [`room:${n % ROOMS}`, `kept:${n % GROUPS}`];
