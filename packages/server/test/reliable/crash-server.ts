/**
 * The process that is killed: a server whose clients' emits take effect once.
 *
 *     node … server.ts <folder> <port>
 *
 * It prints "ready" and its port.
 *
 * Clients are in the kept room "chat:all". What it answers:
 * - "say" (number): publishes "said" (sender, number) to the room through `tx`, and replies with both. The sender is
 *   `auth.n`. Every so often it waits a little first, or asks for another try.
 * - "refuse" (number): a rejection with the code "REFUSED" and the number as its data, and no effect.
 * - "plain" (number): a listener that acknowledges.
 * - "history" (position or null), as any event with an acknowledgement: the newest events of the room before that
 *   position, oldest first; none at its beginning.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Rejection, retryLater, Server, type Transaction } from "holdfast";

const [folder, port] = process.argv.slice(2) as [string, string];
const ROOM = "chat:all";
const PAGE = 1_000;

const http = createServer();
const io = new Server(http, { store: folder, rooms: { "chat:*": { keep: true } }, pingInterval: 2_000 });

io.handle("say", async (number: number, tx: Transaction<{ handshake: { auth: { n?: unknown } } }>) => {
  const dice = Math.random();
  if (dice < 0.01) retryLater(10, "not now");
  if (dice < 0.1) await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
  const sender = tx.socket.handshake.auth.n;
  tx.to(ROOM).publish("said", sender, number);
  return { sender, number };
});
io.handle("refuse", (number: number, tx: Transaction) => {
  tx.to(ROOM).publish("said", "nobody", number);
  throw new Rejection("REFUSED", "as was asked for", number);
});
io.on("connection", (socket) => {
  void socket.join(ROOM);
  socket.on("plain", (number: number, answer: (reply: unknown) => void) => answer(number));
  socket.on("history", async (before: string | null, answer: (events: unknown) => void) => {
    const events = await io.to(ROOM).history({ limit: PAGE, before: before ?? undefined });
    answer(events);
  });
});

await io.ready;
await new Promise<void>((resolve) => http.listen(Number(port), resolve));
console.log(`ready ${(http.address() as AddressInfo).port}`);
