/** The client that is killed: it emits numbers from an outbox on disk, and says which ones are stored there. */
import { io } from "holdfast-client";
import { say } from "../kills/announcing.ts";

const [url, folder, id, from, count] = process.argv.slice(2) as [string, string, string, string, string];
const socket = io(url, { transports: ["websocket"], outbox: { file: folder }, reconnectionDelay: 20 });

socket.outbox.on("added", ({ args }) => say(`stored ${args[1]}`));
socket.outbox.on("settled", ({ args, error }) =>
  say(error ? `refused ${args[1]} ${error.code}` : `settled ${args[1]}`),
);
// none that may have been written before, stored or not
let number = Number(from);
const end = number + Number(count);
emit();

/** Bursts. */
function emit(): void {
  for (let left = Math.floor(Math.random() * 20); left > 0 && number < end; left--) {
    say(`emitted ${number}`);
    socket.reliable.emit("note", Number(id), number++).catch(() => {});
  }
  if (number < end) setTimeout(emit, Math.random() * 20);
}
