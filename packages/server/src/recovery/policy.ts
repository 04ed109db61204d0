import type { KeepPolicy } from "@holdfast/core";
import type { ServerOptions } from "../server-options.ts";
import type { RecoveryLimits } from "./shared.ts";

const PING_INTERVAL_MS = 25_000;
const PING_TIMEOUT_MS = 20_000;
/** A client that comes back at the last moment still has to find its events. */
const MARGIN_MS = 10_000;
const SESSIONS_MAX = 100_000;

/** How long events are kept that nobody asked to keep, so that clients can come back; undefined if they can't. */
export function recoveryPolicy(options: Partial<ServerOptions>): KeepPolicy | undefined {
  const { connectionStateRecovery: recovery } = options;
  if (!recovery) return undefined;
  return {
    ageMs: recoveryLimits(options).ageMs,
    eventsMax: recovery.eventsMax ?? Number.POSITIVE_INFINITY,
    bytesMax: recovery.bytesMax ?? Number.POSITIVE_INFINITY,
    flush: true,
    trace: false,
  };
}

/** Defaults filled in. Only where sessions can be recovered. */
export function recoveryLimits(options: Partial<ServerOptions>): RecoveryLimits {
  // a loss is noticed only by the heartbeat
  const { pingInterval = PING_INTERVAL_MS, pingTimeout = PING_TIMEOUT_MS } = options;
  const { maxDisconnectionDuration: durationMs, sessionsMax = SESSIONS_MAX } =
    options.connectionStateRecovery!;
  const ageMs = durationMs! + pingInterval + pingTimeout + MARGIN_MS;
  return { durationMs: durationMs!, ageMs, sessionsMax };
}
