/** `npm run test:reliable [-- KILLS CLIENTS NUMBERS]`: reliable emits across kills of the server and cuts of the network; then across kills of clients with an outbox on disk. */
import { runReliable } from "./reliable.ts";
import { runWriters } from "./writers.ts";

const WRITERS = 4;

const [kills = 50, clients = 20, numbers = 1_000] = process.argv.slice(2).map(Number);
const counts = await runReliable({ kills, clients, numbers }, (round) => {
  if (round % 10 === 0) console.log(`${round} kills`);
});
console.table(Object.fromEntries(Object.entries(counts).map(([what, count]) => [what, { count }])));
const writers = await runWriters(kills, WRITERS);
console.table(Object.fromEntries(Object.entries(writers).map(([what, count]) => [what, { count }])));
const { rejected, mistaken, unsettled, missing, doubled, outOfOrder, misplaced } = counts;
const isRight = counts.resolved === clients * numbers && counts.stored === clients * numbers;
const lost = writers.missing + writers.doubled + writers.outOfOrder + writers.refused;
if (lost + rejected + mistaken + unsettled + missing + doubled + outOfOrder + misplaced > 0 || !isRight) {
  console.error("FAILED");
  process.exitCode = 1;
}
process.exit();
