import { Rejection, retryLater, type Server, type Transaction } from "holdfast";
import { expect, it } from "vitest";

interface ClientToServer {
  say: (text: string, done: (reply: { id: number }) => void) => void;
  move: (x: number, y?: number) => void;
}
interface ServerToClient {
  said: (text: string) => void;
}

/** Only checked, not run. */
export function typed(io: Server<ClientToServer, ServerToClient>, untyped: Server): void {
  io.handle("say", async function (text, tx) {
    const transaction: Transaction = tx;
    this.emit("said", text.trim());
    tx.socket.emit("said", transaction.event);
    return { id: 1 };
  });
  io.handle("say", (text: string) => {
    if (!text) throw new Rejection("EMPTY");
    return text === "later" ? retryLater(1) : { id: 1 };
  });
  io.of("/other").handle("move", (x, y, tx) => tx.to("chat:1").publish("moved", x + (y ?? 0)));
  io.on("connection", (socket) =>
    socket.handle("say", async (text, tx) => ({ id: text.length && tx.sequence! })),
  );
  // @ts-expect-error no such event
  io.handle("shout", () => {});
  // @ts-expect-error it is text
  io.handle("say", (text: number) => ({ id: text }));
  // @ts-expect-error the reply has a number
  io.handle("say", async () => ({ id: "1" }));
  untyped.handle("say", (text: string, tx: Transaction) => tx.to(text).publish("said"));
}

it("handlers are typed by the map of events", () => {
  expect(typed).toBeTypeOf("function");
});
