/** Median, minimum, maximum and the single values of several runs' records of numbers. */
export function summarize(runs) {
  const summary = {};
  for (const key of Object.keys(runs[0])) {
    const values = runs.map((run) => run[key]).filter((value) => Number.isFinite(value));
    if (values.length)
      summary[key] = {
        median: median(values),
        min: Math.min(...values),
        max: Math.max(...values),
        runs: values,
      };
  }
  return summary;
}

/** The value below which this share (0 to 1) of the values lies. */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Compares medians with a goal.
 * @param goal `{ metric, against, limit }`: ours divided by theirs is at most `limit`, or at least, with `atLeast`.
 *   `against` names a server, or `self` another metric of ours; with `beside`, that ratio of two metrics of ours is
 *   divided by the same ratio of that server. With `absolute`, the value itself is limited.
 */
export function judge(goal, measured) {
  const { metric, against = "holdfast", self = metric, beside } = goal;
  const figure = (server, key) => measured[server]?.[key]?.median;
  const growth = (server) => figure(server, metric) / figure(server, self);
  let value = figure("holdfast", metric);
  if (beside) value = growth("holdfast") / growth(beside);
  else if (!goal.absolute) value /= figure(against, self);
  if (!Number.isFinite(value)) return { ...goal, value: null, met: null };
  return { ...goal, value, met: goal.atLeast ? value >= goal.limit : value <= goal.limit };
}
