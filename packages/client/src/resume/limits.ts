/** How many replayed events the server may send ahead. */
export const CREDIT = 1000;
/** How long events wait for a listener after `connect`. */
export const LATE_MS = 10_000;
/** So many events wait, at most: with one more none waits any longer. */
export const HELD_MAX = 1000;
/** So many positions are shown and kept: as many as a server takes by default. */
export const ROOMS_MAX = 1000;
/** A change is written that much later, together with those that follow meanwhile. */
export const WRITE_DELAY_MS = 250;
