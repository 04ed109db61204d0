import { validateHeaderName, validateHeaderValue } from "node:http";

/**
 * Drops the headers that HTTP does not allow, such as values with a line break. Applications make them of what clients
 * send: a WebSocket's response would end where the client wants, and Node would end the process over that of a poll.
 */
export function dropInvalidHeaders(headers: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(headers)) if (!isValid(name, value)) delete headers[name];
}

function isValid(name: string, value: unknown): boolean {
  try {
    validateHeaderName(name);
    for (const item of Array.isArray(value) ? value : [value]) validateHeaderValue(name, item);
    return true;
  } catch {
    return false;
  }
}
