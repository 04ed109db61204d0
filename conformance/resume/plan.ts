export const GROUPS = 7;
export const EXTRAS = 9;

/** The kept rooms that client `n` is in from the beginning. */
export const roomsOf = (n: number): string[] => [`kept:${n % GROUPS}`, `kept:all:${n % 3}`];
