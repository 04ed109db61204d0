import { describeQueues } from "@holdfast/core/contract";
import { lmdbHarness } from "./subject.ts";

describeQueues("LMDB", lmdbHarness);
