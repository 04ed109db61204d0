import type { Refusal } from "./error.ts";

/** What became of an entry: it took effect, or was refused for good (PROTOCOL §4.4). */
export type Outcome = [0, unknown?] | [1, Refusal];

/** What the server answers: an outcome, or that it is to be sent again after some milliseconds. */
export type Answer = Outcome | [2, number, Refusal?];
