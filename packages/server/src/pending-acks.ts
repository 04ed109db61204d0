// biome-ignore-all lint/suspicious/noExplicitAny: answers are the application's
export type AckCallback = (...args: any[]) => void;

/**
 * `ack` as it is to be called with the client's answer, within `timeoutMs` if that is given: then it takes an error
 * first, and `forget` is called if time is up.
 */
export function withTimeout(
  ack: AckCallback,
  self: unknown,
  timeoutMs: number | undefined,
  forget: () => void,
): AckCallback {
  if (timeoutMs === undefined) return ack;
  const timer = setTimeout(() => {
    forget();
    ack.call(self, new Error("operation has timed out"));
  }, timeoutMs);
  return (...args) => {
    clearTimeout(timer);
    ack.call(self, null, ...args);
  };
}
