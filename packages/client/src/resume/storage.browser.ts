import type { ResumeOptions, ResumeStorage } from "../options.ts";

/** What was named, or else the tab's own. Throws where the browser denies it. */
export const storageOf = ({ storage }: ResumeOptions): ResumeStorage | undefined =>
  storage ?? globalThis.sessionStorage;
