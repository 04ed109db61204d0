// The app protocol of the plain peers: the same texts, without Socket.IO around them. A server of this kind does
// the least a program could: it looks at the first bytes and relays, and parses JSON only where rooms are named.

export const COPIES = 20;

/** `42<id>[…` asks for an ack: the text of `43<id>[…` with the given arguments, or null if none is asked for. */
export function ackFor(text, args = "[]") {
  const bracket = text.indexOf("[");
  return bracket > 2 ? `43${text.slice(2, bracket)}${args}` : null;
}

/** `42<id>["echo",X]` is answered with `43<id>[X]`. */
export function echoOf(text) {
  return ackFor(text, `[${text.slice(text.indexOf(",") + 1)}`);
}

/** The event of a text that names rooms. */
export function eventOf(text) {
  return JSON.parse(text.slice(text.indexOf("[")));
}
