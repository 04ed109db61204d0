import { pathToFileURL } from "node:url";
import { buildIfStale } from "../build.mjs";
import { installPackages, requireNode } from "./install.mjs";
import { root, say, stop } from "./shell.mjs";

/**
 * Starts an example from a bare clone. It runs in this process, so that signals reach it directly; tsx compiles its
 * few files as they load, and `holdfast` is the built package, as users get it.
 * @param {object} example
 * @param {string} example.name its folder below `examples`
 * @param {string} example.title what it says of itself: "The chat is"
 * @param {number} example.portDefault where PORT does not say it
 * @param {string} example.command what the user typed
 * @param {string} example.data the variable that names its folder
 * @param {(server: any, port: number) => Promise<{ url: string }>} example.start of its `server.ts`
 */
export async function startExample({ name, title, portDefault, command, data, start }) {
  requireNode();
  const port = Number(process.env.PORT || portDefault);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    stop(`PORT must be a port number, not "${process.env.PORT}".`);
  await installPackages();
  await buildIfStale();

  say(`starting the ${name}`);
  const { register } = await import("tsx/esm/api");
  register();
  const server = await import(pathToFileURL(`${root}examples/${name}/server.ts`).href);
  try {
    const { url } = await start(server, port);
    console.log(`${title} at ${url} (Ctrl+C ends it)`);
  } catch (error) {
    if (error.code === "EADDRINUSE")
      stop(`Port ${port} is taken. Choose another one: PORT=${port + 1} ${command}`);
    if (error.code === "EACCES")
      stop(`Port ${port} is not open to this user. Choose one above 1023: PORT=8080 ${command}`);
    if (error.code === "STORE_LOCKED") {
      const other = `${data}=/tmp/${name} ${command}`;
      stop(`Another process has the folder of the ${name} open. Choose another one: ${other}`);
    }
    throw error;
  }
}
