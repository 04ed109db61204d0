import type { Server } from "holdfast";
import type { Recorder } from "../kept/support.ts";

/** Stops and starts a stock client over WebSocket: while stopped, it reads nothing. */
export function reading({ client }: Recorder): { stop(): void; start(): void } {
  const { transport } = client.io.engine as unknown as {
    transport: { ws: { pause(): void; resume(): void } };
  };
  const { ws } = transport;
  return { stop: () => ws.pause(), start: () => ws.resume() };
}

/** Some milliseconds' work of a server, however fast it is: so many turns of its event loop. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}

/** Emits events of about 16 kB to a room, a flush after every few, until somebody is behind; returns how many. */
export async function untilBehind(io: Server, room: string, first = 0): Promise<number> {
  const filler = "x".repeat(16_000);
  let next = first;
  while (io.stats().behind === 0) {
    for (let i = 0; i < 10; i++) io.to(room).emit("say", next++, filler);
    await io.to(room).publish("say", next++, filler);
    await turns(2);
    if (next > 20_000) throw new Error("nobody falls behind");
  }
  return next;
}

/** The numbers of the events called "say", in the order in which they came. */
export const said = ({ got }: { got: unknown[][] }): unknown[] =>
  got.filter(([name]) => name === "say").map(([, i]) => i);

export const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
