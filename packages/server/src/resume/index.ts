export type { ResumeOptions } from "./options.ts";
export type { Reader } from "./reader.ts";
export { Resume } from "./resume.ts";
