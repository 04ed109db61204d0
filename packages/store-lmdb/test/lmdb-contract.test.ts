import { describeStore } from "@holdfast/core/contract";
import { lmdbHarness } from "./subject.ts";

describeStore("LMDB", lmdbHarness);
