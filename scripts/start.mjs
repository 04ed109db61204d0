// `npm start`: the chat on port 3000 or PORT, from a bare clone. It runs in this process, so that signals reach
// it directly; tsx compiles its few files as they load, and `holdfast` is the built package, as users get it.
import { pathToFileURL } from "node:url";
import { buildIfStale } from "./build.mjs";
import { installPackages, requireNode } from "./lib/install.mjs";
import { root, say, stop } from "./lib/shell.mjs";

const PORT_DEFAULT = 3000;

requireNode();
const port = Number(process.env.PORT || PORT_DEFAULT);
if (!Number.isInteger(port) || port < 0 || port > 65_535)
  stop(`PORT must be a port number, not "${process.env.PORT}".`);
await installPackages();
await buildIfStale();

say("starting the chat");
const { register } = await import("tsx/esm/api");
register();
const { startChat } = await import(pathToFileURL(`${root}examples/chat/server.ts`).href);
try {
  const { url } = await startChat({ port });
  console.log(`The chat is at ${url} (Ctrl+C ends it)`);
} catch (error) {
  if (error.code === "EADDRINUSE") {
    stop(`Port ${port} is taken. Choose another one: PORT=${port + 1} npm start`);
  }
  if (error.code === "STORE_LOCKED") {
    stop("Another process has the chat's folder open. Choose another one: CHAT_DATA=/tmp/chat npm start");
  }
  if (error.code === "EACCES")
    stop(`Port ${port} is not open to this user. Choose one above 1023: PORT=8080 npm start`);
  throw error;
}
