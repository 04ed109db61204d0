import * as fc from "fast-check";

// reproducible in a test run; the fuzz run (conformance/fuzz) varies its seed
fc.configureGlobal({ numRuns: 500, seed: 20_240_607 });

export { fc };
