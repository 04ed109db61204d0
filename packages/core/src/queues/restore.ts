import { fromSortable } from "../store/index.ts";
import type { Attempts } from "./attempts.ts";
import type { QueueContext } from "./context.ts";
import { decodeJob, decodeLeases, type LeaseRecord } from "./job-record.ts";
import { NO_CHANGE } from "./journal.ts";
import { KIND } from "./keys.ts";
import type { LeaseLog } from "./lease-log.ts";
import { drop } from "./transitions.ts";

/**
 * Takes up the attempts that were under way when the process before this one ended. Those of its own workers ended
 * with it: their jobs wait again, with the attempt used, since the job may be what ended it. Remote workers have
 * their lease for as long as a lost transport would leave it to them.
 */
export async function restoreAttempts(
  context: QueueContext,
  attempts: Attempts,
  leaseLog: LeaseLog,
): Promise<void> {
  const { store, keys, clock, journal, options, ready } = context;
  const { leases, recordKeys } = await readLeases(context);
  const last = recordKeys[recordKeys.length - 1];
  leaseLog.open(last === undefined ? 0 : fromSortable(last.slice(keys.prefix.length)));
  const ends: Promise<void>[] = [];
  for (const lease of leases.values()) {
    const key = keys.ready(lease);
    const record = await store.get(KIND.ready, key);
    const job = record && decodeJob(lease.seq, record.value);
    // Over: the job is gone from here, or has counted the attempt.
    if (!job || job.attempt !== lease.attempt - 1) continue;
    ready.expect(key);
    const attempt = attempts.restore({ key, job }, lease.owner, lease.secret);
    if (lease.owner !== "" && lease.untilMs > clock.now()) {
      attempts.grace(attempt, options.graceMs);
      attempts.store(attempt);
    } else {
      attempts.lose(attempt, "expired");
      ends.push(attempts.ended(attempt));
    }
  }
  if (recordKeys.length === 0) return;
  // Only then: what they say is written elsewhere.
  Promise.all(ends).then(() => {
    journal.write(
      recordKeys.map((key) => drop(KIND.lease, key)),
      NO_CHANGE,
      () => {},
    );
  });
}

/** The last lease of each job, and the keys of all records. */
async function readLeases({ store, keys }: QueueContext) {
  const leases = new Map<number, LeaseRecord>();
  const recordKeys: string[] = [];
  let from = keys.prefix;
  for (;;) {
    const { records, done } = await store.records({ kind: KIND.lease, from, to: keys.end, limit: 100 });
    for (const { key, value } of records) {
      recordKeys.push(key);
      for (const lease of decodeLeases(value)) leases.set(lease.seq, lease);
    }
    const last = records[records.length - 1];
    if (done || !last) return { leases, recordKeys };
    from = `${last.key}\0`;
  }
}
