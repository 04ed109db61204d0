import { expect, it } from "vitest";
import { closingLine, sum, tallyOf } from "../lib/tally.mjs";

const report = { numPassedTests: 3, numFailedTests: 0, numPendingTests: 1, numTodoTests: 0, testResults: [] };

it("counts what vitest counted", () => {
  expect(tallyOf(report, 0)).toEqual({ passed: 3, failed: 0, skipped: 1 });
});

it("counts a file that could not be loaded as a failure", () => {
  const testResults = [{ status: "failed", assertionResults: [] }];
  expect(tallyOf({ ...report, testResults }, 1).failed).toBe(1);
});

it("counts a failed test once", () => {
  const testResults = [{ status: "failed", assertionResults: [{ status: "failed" }] }];
  expect(tallyOf({ ...report, numFailedTests: 1, testResults }, 1).failed).toBe(1);
});

it("counts a run that failed without a failed test", () => {
  expect(tallyOf(report, 1).failed).toBe(1);
});

it("ends with a line that other programs can read", () => {
  const total = sum([tallyOf(report, 0), { passed: 1, failed: 2, skipped: 0 }]);
  expect(closingLine(total)).toBe("4 passed, 2 failed, 1 skipped");
  expect(closingLine({ passed: 4, failed: 0, skipped: 0 })).toBe("4 passed, 0 failed");
});
