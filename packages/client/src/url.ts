/** The parts of a URL that matter here, as they were written: a namespace is not percent-encoded. */
export interface ParsedUrl {
  protocol: string;
  /** IPv6 without brackets. */
  host: string;
  port: string;
  path: string;
  /** Without its question mark. */
  query: string;
}

const PATTERN =
  /^(?:(https?|wss?):\/\/)?(?:[^:@/?#]*(?::[^@/?#]*)?@)?(?:\[(.*?)\]|([^:/?#]*))(?::(\d*))?([^?#]*)(?:\?([^#]*))?/;

export function parseUrl(url: string): ParsedUrl {
  const [, protocol = "", ipv6, host = "", port = "", path = "", query = ""] = PATTERN.exec(url) ?? [];
  return { protocol, host: ipv6 ?? host, port, path, query };
}

/** A host as it stands in a URL. */
export const bracket = (host: string): string => (host.includes(":") ? `[${host}]` : host);

/** The absolute form of what `io` was given; a relative one is resolved against the page. */
export function absoluteUrl(
  url: string | undefined,
  page: Location | undefined = globalThis.location,
): string {
  if (url == null) return `${page!.protocol}//${page!.host}`;
  if (/^\/\//.test(url)) return page!.protocol + url;
  if (url[0] === "/") url = page!.host + url;
  return /^(https?|wss?):\/\//.test(url) ? url : `${page ? page.protocol : "https:"}//${url}`;
}

export const decodeQuery = (query: string): Record<string, string> =>
  Object.fromEntries(
    [...query.matchAll(/([^&=]+)=?([^&]*)/g)].map(([, key, value]) => [
      decodeURIComponent(key!),
      decodeURIComponent(value!),
    ]),
  );

export const encodeQuery = (query: Record<string, string | number | boolean>): string =>
  Object.entries(query)
    .map((pair) => pair.map(encodeURIComponent).join("="))
    .join("&");
