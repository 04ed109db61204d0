/** The parts of a URL that matter here, as they were written: a namespace is not percent-encoded. */
export interface ParsedUrl {
  /** Whether it asks for TLS. */
  secure: boolean;
  /** Host and port; without credentials, which would not be sent anyway. */
  host: string;
  path: string;
  /** Without its question mark; a plus is a plus. */
  query: string;
}

/** Understands absolute URLs and those relative to the page. */
export function parseUrl(url: string | undefined | null): ParsedUrl {
  const page: Partial<Location> = globalThis.location ?? {};
  const absolute = (url ?? "/")
    .replace(/^\/(?!\/)/, `//${page.host}/`)
    .replace(/^(?!(http|ws)s?:\/\/)(\/\/)?/, `${page.protocol ?? "https:"}//`);
  // it matches whatever the line above makes
  const [, s, host, path, query] = /^(?:ws|[\w-]+?)(s?):\/\/(?:[^@/?#]*@)?([^/?#]*)([^?#]*)\??([^#]*)/.exec(absolute)!;
  return { secure: !!s, host: host!, path: path!, query: query!.replace(/\+/g, "%2B") };
}
