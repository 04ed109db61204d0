import { type JobHandle, type Queue, QueueError, type QueueRegistry } from "@holdfast/core";
import { type Control, type ControlAck, type Controls, invalid } from "../negotiation/index.ts";
import { administer } from "./admin.ts";
import { Refusal, type WireError, wireError } from "./answers.ts";
import { type Authority, forbidden } from "./authority.ts";
import type { Grants } from "./grants.ts";
import { listControl } from "./lists.ts";
import type { Peers } from "./peers.ts";
import type { QueueSocket } from "./queue-socket.ts";
import type { RemoteWorker } from "./remote-worker.ts";
import * as read from "./requests.ts";

/** What the controls work with. */
export interface QueueDesk {
  readonly registry: QueueRegistry;
  readonly authority: Authority;
  readonly grants: Grants;
  readonly peers: Peers;
  readonly requestsPerSocketMax: number;
  onError(error: Error): void;
}

/** Answers a request that has been read. What it returns, or throws, is what the client is told. */
type Answer<Request> = (desk: QueueDesk, socket: QueueSocket, request: Request) => unknown;

/** The control messages of queues (PROTOCOL §5), by name. */
export function queueControls(desk: QueueDesk): Controls<QueueSocket> {
  const controls = new Map<string, Control<QueueSocket>>();
  function on<Request>(
    name: string,
    readRequest: (args: readonly unknown[]) => Request,
    answer: Answer<Request>,
  ) {
    controls.set(`holdfast:queue:${name}`, (socket, args, ack) => {
      let request: Request;
      try {
        request = readRequest(args);
      } catch (error) {
        // nobody would hear of it
        if (!ack) throw invalid((error as Error).message);
        ack(told(desk, error));
        return;
      }
      respond(desk, socket, () => answer(desk, socket, request), ack);
    });
  }

  on("add", read.readAdd, add);
  on("work", read.readWork, work);
  on("stop", read.readQueue, ({ peers }, socket, queue) => peers.of(socket).stop(queue));
  on("done", read.readDone, (desk, socket, { lease, result }) =>
    speak(desk, socket, lease, (worker) => worker.settle(lease, { result })),
  );
  on("fail", read.readFailure, (desk, socket, { lease, error, retryMs, isFinal }) =>
    speak(desk, socket, lease, (worker) => worker.settle(lease, { error, retryMs, isFinal })),
  );
  on("extend", read.readLease, (desk, socket, lease) =>
    speak(desk, socket, lease, (worker) => worker.extend(lease)),
  );
  on("progress", read.readProgress, (desk, socket, { lease, value }) =>
    speak(desk, socket, lease, (worker) => worker.progress(lease, value)),
  );
  on("watch", read.readWatch, watch);
  on("unwatch", read.readWatch, ({ peers }, socket, { queue, id }) =>
    peers.of(socket).watches.remove(queue, id),
  );
  on("admin", read.readAdmin, async ({ registry, authority }, socket, request) => {
    const { queue, command, id } = request;
    await authority.check(socket, "admin", queue, { command, ...(id === undefined ? {} : { id }) });
    return administer(known(registry, queue), request);
  });
  controls.set(
    "holdfast:queue:many",
    listControl(controls, (error) => told(desk, error)),
  );
  return controls;
}

/** Counts a request until it is answered, and answers it. */
function respond(
  desk: QueueDesk,
  socket: QueueSocket,
  answer: () => unknown,
  ack: ControlAck | undefined,
): void {
  const peer = desk.peers.of(socket);
  const max = desk.requestsPerSocketMax;
  if (peer.requests >= max) {
    ack?.(told(desk, new Refusal("QUEUE_LIMIT", `a socket can have ${max} requests without an answer`)));
    return;
  }
  const succeed = (result: unknown) => {
    peer.requests--;
    ack?.(null, result);
  };
  const fail = (thrown: unknown) => {
    peer.requests--;
    ack?.(told(desk, thrown));
  };
  peer.requests++;
  let result: unknown;
  try {
    result = answer();
  } catch (thrown) {
    fail(thrown);
    return;
  }
  if (result instanceof Promise) result.then(succeed, fail);
  else succeed(result);
}

/** What the client is told of an error; our own faults are reported. */
function told(desk: QueueDesk, error: unknown): WireError {
  const known = wireError(error);
  if (!known) desk.onError(error as Error);
  return known ?? { code: "INTERNAL", message: "not now: see the server's onError" };
}

interface AddAnswer {
  readonly id: string;
  readonly isNew: boolean;
  readonly grant: string;
}

function add(desk: QueueDesk, socket: QueueSocket, request: read.AddRequest): Promise<AddAnswer> {
  const { queue, data, options } = request;
  const verdict = desk.authority.allows(socket, "add", queue, { ...options, data });
  // most are decided at once: some promises less for each
  return verdict === true && desk.grants.isReady ? addNow(desk, request) : addLater(desk, request, verdict);
}

function addNow(
  { registry, grants }: QueueDesk,
  { queue, data, options }: read.AddRequest,
): Promise<AddAnswer> {
  return known(registry, queue)
    .add(data, options)
    .then(({ id, isNew }: JobHandle) => ({ id, isNew, grant: grants.ofJob(queue, id) }));
}

async function addLater(
  desk: QueueDesk,
  request: read.AddRequest,
  verdict: boolean | Promise<boolean>,
): Promise<AddAnswer> {
  if (!(await verdict)) throw forbidden("add");
  await desk.grants.ready;
  return addNow(desk, request);
}

/** What a worker says under its leases waits until the server knows who it is. */
const introductions = new WeakMap<QueueSocket, Promise<unknown>>();

function work(desk: QueueDesk, socket: QueueSocket, request: read.WorkRequest): Promise<object> {
  const working = beginWork(desk, socket, request);
  const settled = working.catch(() => {});
  introductions.set(socket, settled);
  void settled.then(() => {
    if (introductions.get(socket) === settled) introductions.delete(socket);
  });
  return working;
}

async function beginWork(
  { registry, authority, grants, peers }: QueueDesk,
  socket: QueueSocket,
  { queue: name, prefetch, worker, leases }: read.WorkRequest,
): Promise<object> {
  await authority.check(socket, "work", name);
  const queue = known(registry, name);
  await Promise.all([grants.ready, queue.opened]);
  if (!socket.connected) throw new Refusal("QUEUE_CLOSED", "the socket is gone");
  // one that another store knew begins anew
  const sid = worker === undefined ? undefined : grants.workerOf(worker);
  const peer = sid === undefined ? peers.of(socket) : peers.adopt(socket, sid);
  const remote = peer.worker(queue);
  const lost = remote.work(prefetch, leases);
  return { worker: grants.ofWorker(peer.sid), leaseMs: remote.leaseMs, lost };
}

async function watch(
  { registry, authority, grants, peers }: QueueDesk,
  socket: QueueSocket,
  { queue: name, id, grant }: read.WatchRequest,
): Promise<object> {
  await grants.ready;
  if (grant !== undefined && grants.isOfJob(grant, name, id)) {
    await authority.check(socket, "watch", name, { id });
  } else await authority.check(socket, "admin", name, { id, command: "get" });
  const queue = known(registry, name);
  if (!socket.connected) throw new Refusal("QUEUE_CLOSED", "the socket is gone");
  const peer = peers.of(socket);
  peer.checkWatch(name, id);
  const watched = await peer.watches.add(queue, id);
  if (!watched) throw new QueueError("JOB_UNKNOWN", `nothing is known of job ${id}`);
  // the answer is issued before
  setImmediate(watched.opened);
  return watched.report;
}

function known(registry: QueueRegistry, name: string): Queue {
  if (registry.has(name)) return registry.queue(name);
  throw new Refusal("QUEUE_UNKNOWN", `there is no queue ${name}`);
}

/** Says something under a lease: a worker that comes back may do so before it asks for work. */
function speak<Said>(
  desk: QueueDesk,
  socket: QueueSocket,
  lease: string,
  say: (worker: RemoteWorker) => Said,
): Said | Promise<Awaited<Said>> {
  const queue = introductions.has(socket) ? undefined : desk.registry.queueOf(lease);
  return queue ? sayTo(desk, socket, queue, say) : speakLater(desk, socket, lease, say);
}

async function speakLater<Said>(
  desk: QueueDesk,
  socket: QueueSocket,
  lease: string,
  say: (worker: RemoteWorker) => Said,
): Promise<Awaited<Said>> {
  const { registry } = desk;
  await introductions.get(socket);
  // right after a restart the queues may still be being read
  const queue = registry.queueOf(lease) ?? (await opened(registry)).queueOf(lease);
  if (!queue) throw new QueueError("LEASE_LOST", "this lease is unknown");
  return await sayTo(desk, socket, queue, say);
}

function sayTo<Said>(
  { peers }: QueueDesk,
  socket: QueueSocket,
  queue: Queue,
  say: (worker: RemoteWorker) => Said,
): Said {
  // nobody hears the answer: the worker says it again if it comes back
  if (!socket.connected) throw new Refusal("QUEUE_CLOSED", "the socket is gone");
  return say(peers.of(socket).worker(queue));
}

async function opened(registry: QueueRegistry): Promise<QueueRegistry> {
  await Promise.allSettled(registry.names().map((name) => registry.queue(name).opened));
  return registry;
}
