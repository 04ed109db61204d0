import { describeQueues } from "../src/contract/index.ts";
import { MemoryStore } from "../src/index.ts";
import { subject } from "./subject.ts";

describeQueues("memory", { open: async (options) => subject(new MemoryStore(options)) });
