import type { TransportOptions } from "../transport.ts";

interface Cookie {
  value: string;
  /** Milliseconds since the epoch; without it, a cookie lasts as long as its connection. */
  expiresAtMs?: number;
}

/** The cookies of one connection, where no browser keeps them. Knows one server only, so neither domains nor paths. */
export class CookieJar {
  private readonly _cookies = new Map<string, Cookie>();

  /** @param lines Set-Cookie headers */
  parseCookies(lines: readonly string[] | undefined): void {
    for (const line of lines ?? []) {
      const [pair = "", ...attributes] = line.split(";");
      const equals = pair.indexOf("=");
      const name = pair.slice(0, Math.max(equals, 0)).trim();
      if (!name) continue;
      const cookie: Cookie = {
        value: pair
          .slice(equals + 1)
          .trim()
          .replace(/^"(.*)"$/, "$1"),
      };
      for (const attribute of attributes) {
        const [key = "", value = ""] = attribute.split("=");
        const expiresAtMs = expiry(key.trim().toLowerCase(), value.trim());
        // Max-Age has precedence (RFC 6265 §5.3), whichever comes first
        if (expiresAtMs !== undefined && (cookie.expiresAtMs === undefined || /max-age/i.test(key))) {
          cookie.expiresAtMs = expiresAtMs;
        }
      }
      this._cookies.set(name, cookie);
    }
  }

  get cookies(): IterableIterator<[string, { value: string }]> {
    for (const [name, { expiresAtMs }] of this._cookies) {
      if (expiresAtMs !== undefined && expiresAtMs <= Date.now()) this._cookies.delete(name);
    }
    return this._cookies.entries();
  }

  /** The Cookie header, or an empty text. */
  header(): string {
    return [...this.cookies].map(([name, { value }]) => `${name}=${value}`).join("; ");
  }
}

const jars = new WeakMap<object, CookieJar>();

/** The jar that all transports of a connection share; none without `withCredentials`. */
export function cookieJarOf({ socket, withCredentials }: TransportOptions): CookieJar | undefined {
  if (!withCredentials) return undefined;
  const jar = jars.get(socket) ?? new CookieJar();
  jars.set(socket, jar);
  return jar;
}

/** What can't be understood must not turn a cookie's deletion into a cookie kept for ever. */
function expiry(attribute: string, value: string): number | undefined {
  if (attribute === "expires") return Date.parse(value) || 0;
  if (attribute !== "max-age") return undefined;
  const seconds = Number.parseInt(value, 10);
  return seconds > 0 ? Date.now() + seconds * 1000 : 0;
}
