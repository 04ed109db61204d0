// `npm run jobs`: the jobs on port 3001 or PORT.
import { startExample } from "./lib/start-example.mjs";

await startExample({
  name: "jobs",
  title: "The jobs are",
  portDefault: 3001,
  command: "npm run jobs",
  data: "JOBS_DATA",
  async start({ startJobs }, port) {
    const jobs = await startJobs({ port });
    for (const signal of ["SIGINT", "SIGTERM"])
      process.once(signal, () => jobs.close().then(() => process.exit()));
    return jobs;
  },
});
