/** The parts of a URL that matter here, as they were written: a namespace is not percent-encoded. */
export interface ParsedUrl {
  /** With its colon. */
  protocol: string;
  /** Host and port. */
  host: string;
  /** A slash at least: the namespace. */
  path: string;
  /** With its question mark, or empty; a plus is a plus. */
  query: string;
}

/** Understands absolute URLs and those relative to the page. Throws a TypeError on what is neither. */
export function parseUrl(url: string | undefined | null): ParsedUrl {
  // a host alone is no path
  const reference = (url ?? "/").replace(/^(?!\/|(http|ws)s?:\/\/)/, "//");
  // the default port and credentials are left out by URL, and would be by any request
  const { protocol, host, search } = new URL(reference, globalThis.location as unknown as URL);
  return {
    protocol,
    host,
    path: /^(?:\w*:?\/\/[^/?#]*)?([^?#]*)/.exec(reference)![1] || "/",
    query: search.replace(/\+/g, "%2B"),
  };
}
