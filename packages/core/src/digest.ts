import crypto from "node:crypto";

/** A hash as base64url. Without an object per call where Node can: from 20.12 on, in a third of the time. */
export const digest: (algorithm: string, data: string | Uint8Array) => string = crypto.hash
  ? (algorithm, data) => crypto.hash(algorithm, data, "base64url")
  : (algorithm, data) => crypto.createHash(algorithm).update(data).digest("base64url");
