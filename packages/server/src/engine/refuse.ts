import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { errorMessages, errors, type Refusal } from "./errors.ts";

const messageOf = ({ code, context }: Refusal) => (context?.message as string) || errorMessages[code];

/** Answers an HTTP request with the error's JSON body; 403 if forbidden, else 400. */
export function refuseRequest(res: ServerResponse, refusal: Refusal): void {
  // a middleware may have answered before it failed
  if (res.headersSent) {
    if (!res.writableEnded) res.end();
    return;
  }
  res.writeHead(refusal.code === errors.FORBIDDEN ? 403 : 400, { "Content-Type": "application/json" });
  res.end(JSON.stringify({ code: refusal.code, message: messageOf(refusal) }));
}

/** Answers an upgrade request with status 400 and closes its socket. */
export function refuseUpgrade(socket: Duplex, refusal: Refusal): void {
  if (socket.writable) {
    const message = messageOf(refusal);
    socket.write(
      "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-type: text/html\r\n" +
        `Content-Length: ${Buffer.byteLength(message)}\r\n\r\n${message}`,
    );
  }
  socket.destroy();
}
