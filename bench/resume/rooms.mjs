// What a joined room costs the server: node rooms.mjs; prints JSON.
import { io } from "holdfast-client";
import { start } from "./start.mjs";

const CLIENTS = 50;
const WARM_UP = 2;
const server = await start();
/** Storages of the clients that resume. */
const storages = Array.from({ length: CLIENTS }, () => {
  const texts = new Map();
  return { getItem: (key) => texts.get(key), setItem: (key, text) => texts.set(key, text) };
});

const stock = () => connect(() => ({}));
const resuming = () => connect((i) => ({ resume: { storage: storages[i] } }));
for (let i = 0; i < WARM_UP; i++) {
  await measure(stock, "join");
  await measure(resuming, "join");
  await measure(resuming, "again");
}
const report = {
  joinStock: await measure(stock, "join"),
  joinResume: await measure(resuming, "join"),
  joinAgain: await measure(resuming, "again"),
};
await server.stop();
console.log(JSON.stringify(report));
process.exit();

async function measure(open, command) {
  const sockets = await open();
  const { cpu } = await server.ask(command);
  for (const socket of sockets) socket.disconnect();
  // what they keep is written behind that
  await new Promise((resolve) => setTimeout(resolve, 200));
  return cpu;
}

function connect(optionsOf) {
  return Promise.all(
    storages.map(async (_, i) => {
      const socket = io(server.url, { forceNew: true, transports: ["websocket"], ...optionsOf(i) });
      await new Promise((resolve) => socket.once("connect", resolve));
      return socket;
    }),
  );
}
