/** The line that ends a run: "12 passed, 0 failed", with ", 3 skipped" where there are any. */
export function closingLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/** The sum of several tallies. */
export function sum(tallies) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const tally of tallies) for (const key of Object.keys(total)) total[key] += tally[key];
  return total;
}

/**
 * Counts vitest's JSON report. A file that could not be loaded, and a run that failed for another reason than
 * a test (an unhandled error, say), count as one failure each: nothing that is wrong counts as nothing.
 */
export function tallyOf(report, exitCode) {
  const tally = {
    passed: report.numPassedTests,
    failed: report.numFailedTests,
    skipped: report.numPendingTests + report.numTodoTests,
  };
  for (const { status, assertionResults } of report.testResults) {
    const explained = assertionResults.some((test) => test.status === "failed");
    if (status === "failed" && !explained) tally.failed += 1;
  }
  if (exitCode !== 0 && tally.failed === 0) tally.failed = 1;
  return tally;
}
