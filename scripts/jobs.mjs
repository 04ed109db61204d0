// `npm run jobs`: the jobs on port 3001 or PORT, from a bare clone. As `npm start` does for the chat.
import { pathToFileURL } from "node:url";
import { buildIfStale } from "./build.mjs";
import { installPackages, requireNode } from "./lib/install.mjs";
import { root, say, stop } from "./lib/shell.mjs";

const PORT_DEFAULT = 3001;

requireNode();
const port = Number(process.env.PORT || PORT_DEFAULT);
if (!Number.isInteger(port) || port < 0 || port > 65_535)
  stop(`PORT must be a port number, not "${process.env.PORT}".`);
await installPackages();
await buildIfStale();

say("starting the jobs");
const { register } = await import("tsx/esm/api");
register();
const { startJobs } = await import(pathToFileURL(`${root}examples/jobs/server.ts`).href);
try {
  const { url, close } = await startJobs({ port });
  console.log(`The jobs are at ${url} (Ctrl+C ends it)`);
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => close().then(() => process.exit()));
} catch (error) {
  if (error.code === "EADDRINUSE") {
    stop(`Port ${port} is taken. Choose another one: PORT=${port + 1} npm run jobs`);
  }
  if (error.code === "STORE_LOCKED") {
    stop(
      "Another process has the folder of the jobs open. Choose another one: JOBS_DATA=/tmp/jobs npm run jobs",
    );
  }
  throw error;
}
