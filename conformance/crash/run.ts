/** `npm run test:crash [KILLS]`: kills a server again and again, and counts what survived; then looks at its system calls. */
import { runCrashes } from "./crashes.ts";
import { hasStrace, traceFlushes } from "./flushes.ts";

const KILLS_DEFAULT = 50;

const kills = Number(process.argv[2] ?? KILLS_DEFAULT);
const counts = await runCrashes(kills, (round) => {
  if (round % 10 === 0) console.log(`${round} kills`);
});
console.log(counts);
if (counts.lost + counts.repeated + counts.outOfOrder + counts.unstored + counts.broken > 0)
  process.exitCode = 1;
if (hasStrace()) {
  const order = await traceFlushes();
  console.log(order);
  if (order.tooEarly > 0 || order.events === 0) process.exitCode = 1;
} else console.log("strace is not installed: the order of system calls was not looked at");
