import { errors, type Refusal } from "./errors.ts";
import type { ResolvedOptions } from "./options.ts";
import { type EngineRequest, protocolOf } from "./request.ts";

/** What Node allows in a header's value (RFC 9110 §5.5): anything but control characters other than tab. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const INVALID_HEADER = /[\0-\x08\x0a-\x1f\x7f]/;

/** What a request is checked against. */
export interface Verifier {
  readonly opts: ResolvedOptions;
  find(sid: string): { readonly protocol: 3 | 4; readonly transport: { readonly name: string } } | undefined;
}

/** Checks a request before anything is done with it; `done` gets why it is refused, if it is. */
export function verify(
  server: Verifier,
  req: EngineRequest,
  isUpgrade: boolean,
  done: (refusal?: Refusal) => void,
): void {
  const bad = (context: Record<string, unknown>) => done({ code: errors.BAD_REQUEST, context });
  const { transport, sid } = req._query;
  if (transport === "webtransport" || !(server.opts.transports as unknown[]).includes(transport)) {
    done({ code: errors.UNKNOWN_TRANSPORT, context: { transport } });
    return;
  }
  const { origin } = req.headers;
  if (origin && INVALID_HEADER.test(origin)) {
    // must not be echoed by the cors middleware
    delete req.headers.origin;
    bad({ name: "INVALID_ORIGIN", origin });
    return;
  }
  if (sid) {
    const client = server.find(sid);
    if (!client) done({ code: errors.UNKNOWN_SID, context: { sid } });
    else if (!isUpgrade && client.transport.name !== transport) {
      bad({ name: "TRANSPORT_MISMATCH", transport, previousTransport: client.transport.name });
    } else if (client.protocol !== protocolOf(req)) {
      bad({ name: "PROTOCOL_MISMATCH", protocol: protocolOf(req), previousProtocol: client.protocol });
    } else if (!isUpgrade && transport === "websocket") bad({ name: "TRANSPORT_HANDSHAKE_ERROR" });
    else done();
    return;
  }
  if (req.method !== "GET") {
    done({ code: errors.BAD_HANDSHAKE_METHOD, context: { method: req.method } });
  } else if (transport === "websocket" && !isUpgrade) bad({ name: "TRANSPORT_HANDSHAKE_ERROR" });
  else if (!server.opts.allowRequest) done();
  else {
    server.opts.allowRequest(req, (message, success) => {
      if (success) done();
      else done({ code: errors.FORBIDDEN, context: { message } });
    });
  }
}
