const IDLE_PING_INTERVAL_MS = 4000;

/**
 * What `socket.io` and `holdfast` are both started with. Idle connections get a short heartbeat, so that every
 * one of them has been through one when memory is read.
 */
export function serverOptions(kind, transport = "websocket") {
  return {
    transports: [transport],
    perMessageDeflate: false,
    httpCompression: false,
    serveClient: false,
    ...(kind.startsWith("recover-") ? { connectionStateRecovery: {} } : {}),
    ...(kind.endsWith("idle") ? { pingInterval: IDLE_PING_INTERVAL_MS } : {}),
  };
}
