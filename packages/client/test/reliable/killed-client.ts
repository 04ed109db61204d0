// Writes three events into an outbox on disk, and waits to be killed.
import { io } from "holdfast-client";

const [url, file] = process.argv.slice(2);
const socket = io(url, { transports: ["websocket"], outbox: { file: file! }, autoConnect: false });
for (const n of [1, 2, 3]) void socket.reliable.emit("say", n);
socket.outbox.on("added", ({ id }) => {
  if (id === 3) socket.connect();
});
