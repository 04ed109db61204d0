import { randomFillSync } from "node:crypto";

const pool = Buffer.alloc(15 * 256);
let used = pool.length;

/** 120 random bits as 20 characters that are safe in a URL: the ids of sessions and sockets. */
export function randomId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += 15;
  return pool.toString("base64url", used - 15, used);
}
