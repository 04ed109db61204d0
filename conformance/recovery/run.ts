/** `npm run test:recovery [KILLS] [CLIENTS]`: recovery across kills and cuts, ours and socket.io's own beside it. */
import { runRecovery } from "./recover.ts";

const KILLS_DEFAULT = 50;
const CLIENTS_DEFAULT = 200;
const LIFE_MS_MAX = 2_500;

const [kills = KILLS_DEFAULT, clients = CLIENTS_DEFAULT] = process.argv.slice(2).map(Number);
const kinds = process.argv[4] ? [process.argv[4] as "holdfast"] : (["holdfast", "socket.io"] as const);
const columns: Record<string, object> = {};
for (const kind of kinds) {
  const counts = await runRecovery({ kind, clients, kills, lifeMsMax: LIFE_MS_MAX }, (round) => {
    if (round % 10 === 0) console.log(`${kind}: ${round} kills`);
  });
  columns[kind] = counts;
  const { lost, outOfOrder, notRecovered, damaged, repeats } = counts;
  if (kind === "holdfast" && lost + outOfOrder + notRecovered + damaged + repeats > 0) process.exitCode = 1;
  console.log(kind, counts);
}
console.table(columns);
process.exit();
