// biome-ignore-all lint/suspicious/noExplicitAny: answers are the application's
import type { AdapterContract, BroadcastOptions } from "./adapter/index.ts";

export type BroadcastAck = (error: Error | null, responses: any) => void;

/**
 * Broadcasts an event and collects the answers: `ack` is called once, with all of them, or with an error and those
 * that came in time. Without `flags.timeout` the time is 1 ms, as in Socket.IO; one remote socket is waited for without
 * end, like a local one.
 */
export function broadcastWithAck(
  adapter: AdapterContract,
  packet: { id?: number },
  options: BroadcastOptions,
  ack: BroadcastAck,
): void {
  const { timeout, expectSingleResponse } = options.flags ?? {};
  const responses: unknown[] = [];
  let isSettled = false;
  let serversExpected = -1;
  let serversHeard = 0;
  let clientsExpected = 0;

  const settle = (error: Error | null) => {
    isSettled = true;
    clearTimeout(timer);
    if (expectSingleResponse) ack(error, error ? null : responses[0]);
    else ack(error, responses);
  };
  const giveUp = () => {
    const { id } = packet;
    if (id !== undefined) for (const socket of adapter.nsp.sockets.values()) socket.forgetAck(id);
    settle(new Error("operation has timed out"));
  };
  const isEndless = expectSingleResponse && timeout === undefined;
  const timer = isEndless ? undefined : setTimeout(giveUp, timeout);
  const settleIfComplete = () => {
    if (isSettled || serversHeard !== serversExpected || responses.length !== clientsExpected) return;
    settle(null);
  };

  adapter.broadcastWithAck(
    packet,
    options,
    (clientCount) => {
      clientsExpected += clientCount;
      serversHeard++;
      settleIfComplete();
    },
    (response) => {
      if (isSettled) return;
      responses.push(response);
      settleIfComplete();
    },
  );
  void adapter.serverCount().then((count) => {
    serversExpected = count;
    settleIfComplete();
  });
}
