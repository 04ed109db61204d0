/** The wait in milliseconds that an error's data asks for, or 0. */
export function retryAfterMs(error: unknown): number {
  return +((error as { data?: { retryAfterMs: number } }).data?.retryAfterMs as number) || 0;
}
