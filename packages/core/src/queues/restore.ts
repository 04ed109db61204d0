import type { Attempts } from "./attempts.ts";
import type { QueueContext } from "./context.ts";
import { decodeJob, decodeLease } from "./job-record.ts";
import { KIND } from "./keys.ts";
import { drop } from "./transitions.ts";

/**
 * Takes up the attempts that were under way when the process before this one ended. Those of its own workers ended
 * with it: their jobs wait again, with the attempt used, since the job may be what ended it. Remote workers have
 * their lease for as long as a lost transport would leave it to them.
 */
export async function restoreAttempts(context: QueueContext, attempts: Attempts): Promise<void> {
  const { store, keys, clock, journal, options, ready } = context;
  let from = keys.prefix;
  for (;;) {
    const { records, done } = await store.records({ kind: KIND.lease, from, to: keys.end, limit: 500 });
    for (const { key, value } of records) {
      const record = await store.get(KIND.ready, key);
      const lease = decodeLease(value);
      if (!record) {
        await journal.put([drop(KIND.lease, key)]);
        continue;
      }
      const job = decodeJob(keys.placeOf(key).seq, record.value);
      ready.expect(key);
      const attempt = attempts.restore({ key, job }, lease.owner, lease.secret);
      if (lease.owner !== "" && lease.untilMs > clock.now()) attempts.grace(attempt, options.graceMs);
      else attempts.lose(attempt, "expired");
    }
    const last = records[records.length - 1];
    if (done || !last) return;
    from = `${last.key}\0`;
  }
}
