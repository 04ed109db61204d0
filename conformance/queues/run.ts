/** `npm run test:queues [KILLS] [JOBS]`: kills server and workers again and again, and counts what became of the jobs. */
import { runKills } from "./kills.ts";

const KILLS_DEFAULT = 50;
const JOBS_DEFAULT = 20_000;

const [kills = KILLS_DEFAULT, jobs = JOBS_DEFAULT] = process.argv.slice(2).map(Number);
const counts = await runKills(kills, jobs, (count) => {
  if (count % 10 === 0) console.log(`${count} kills`);
});
console.table(counts);
const { lost, unstarted, contradicted, miscounted, again } = counts;
if (lost + unstarted + contradicted + miscounted + again > 0) process.exitCode = 1;
