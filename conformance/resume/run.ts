/** `npm run test:resume [KILLS] [CLIENTS]`: our client across kills, cuts and reloads; with recovery and without. */
import { runResume } from "./resume.ts";

const KILLS_DEFAULT = 50;
const CLIENTS_DEFAULT = 100;
const LIFE_MS_MAX = 2_500;

const [kills = KILLS_DEFAULT, clients = CLIENTS_DEFAULT] = process.argv.slice(2).map(Number);
const columns: Record<string, object> = {};
for (const isRecovering of [false, true]) {
  const name = isRecovering ? "resume and recovery" : "resume";
  const run = { clients, kills, lifeMsMax: LIFE_MS_MAX, isRecovering };
  const { errors, ...counts } = await runResume(run, (round) => {
    if (round % 10 === 0) console.log(`${name}: ${round} kills`);
  });
  for (const error of errors) console.log(error);
  columns[name] = counts;
  const { lost, repeated, outOfOrder, own, gaps, refused, forgotten } = counts;
  if (lost + repeated + outOfOrder + own + gaps + refused + forgotten > 0) process.exitCode = 1;
}
console.table(columns);
process.exit();
