// `npm start`: the chat on port 3000 or PORT.
import { startExample } from "./lib/start-example.mjs";

await startExample({
  name: "chat",
  title: "The chat is",
  portDefault: 3000,
  command: "npm start",
  data: "CHAT_DATA",
  start: ({ startChat }, port) => startChat({ port }),
});
