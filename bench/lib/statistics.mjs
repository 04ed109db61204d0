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

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Compares medians with a goal.
 * @param goal `{ metric, against, limit }`: ours divided by theirs is at most `limit`, or at least, with `atLeast`.
 *   `against` names a server, or another metric of ours with `self`. With `absolute`, the value itself is limited.
 */
export function judge(goal, measured) {
  const ours = measured.holdfast?.[goal.metric]?.median;
  const theirs = goal.self
    ? measured.holdfast?.[goal.self]?.median
    : measured[goal.against]?.[goal.metric]?.median;
  if (ours === undefined || (!goal.absolute && theirs === undefined))
    return { ...goal, value: null, met: null };
  const value = goal.absolute ? ours : ours / theirs;
  return { ...goal, value, met: goal.atLeast ? value >= goal.limit : value <= goal.limit };
}
