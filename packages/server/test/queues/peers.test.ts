import { expect, it } from "vitest";
import { Peer } from "../../src/queues/peer.ts";
import { next } from "../support.ts";
import { clientOf, serveQueue } from "./support.ts";

const limits = { workedPerSocketMax: 1, watchesPerSocketMax: 1, requestsPerSocketMax: 1 };

it("A peer is at work while it takes jobs or has some, and not for speaking under leases that it made up.", async () => {
  const { io, queue, ...running } = await serveQueue();
  const client = await clientOf({ ...running });
  const [socket] = io.sockets.sockets.values();
  const peer = new Peer(socket!, socket!.id, limits);
  expect(() => peer.worker(queue).extend("00011.AAAAAAAAAAAAAAAA")).toThrow();
  expect(peer.isAtWork).toBe(false);
  peer.worker(queue).work(1, undefined);
  expect(peer.isAtWork).toBe(true);
  await queue.add(1);
  const { lease } = await client.jobs.next();
  peer.stop("mail");
  expect(peer.isAtWork).toBe(true);
  await peer.worker(queue).settle(lease, { result: 1 });
  expect(peer.isAtWork).toBe(false);
  const gone = next(socket!, "disconnect");
  client.socket.disconnect();
  await gone;
});
