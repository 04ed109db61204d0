// biome-ignore-all lint/suspicious/noExplicitAny: arguments are the application's
import { ParentBroadcastAdapter } from "./adapter/index.ts";
import type { RemoteSocket } from "./broadcast-operator.ts";
import { Namespace } from "./namespace.ts";
import { emitLocally } from "./strict-event-emitter.ts";
import type { DefaultEventsMap, EventNamesWithoutAck, EventParams, EventsMap } from "./typed-events.ts";

let count = 0;

/**
 * A pattern that namespaces are made from when a client asks for one. Its middleware and listeners are those of each
 * child; what is emitted here goes to the clients of all children.
 */
export class ParentNamespace<
  ListenEvents extends EventsMap = DefaultEventsMap,
  EmitEvents extends EventsMap = ListenEvents,
  ServerSideEvents extends EventsMap = DefaultEventsMap,
  SocketData = any,
> extends Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
  readonly children: Set<Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>> = new Set();

  constructor(server: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>["server"]) {
    super(server, `/_${count++}`);
  }

  /** @internal */
  override _initAdapter(): void {
    this.adapter = new ParentBroadcastAdapter(this);
  }

  override emit<Ev extends EventNamesWithoutAck<EmitEvents>>(
    ev: Ev,
    ...args: EventParams<EmitEvents, Ev>
  ): boolean {
    for (const child of this.children) child.emit(ev, ...args);
    return true;
  }

  createChild(name: string): Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData> {
    const { server } = this;
    const child = new Namespace(server, name);
    child._fns = this._fns.slice();
    for (const listener of this.listeners("connect")) child.on("connect", listener);
    for (const listener of this.listeners("connection")) child.on("connection", listener);
    this.children.add(child);
    if (server.opts.cleanupEmptyChildNamespaces) this.#cleanUpWhenEmpty(child);
    server._nsps.set(name, child);
    emitLocally(server.sockets, "new_namespace", child);
    return child;
  }

  /** Which children exist elsewhere is not known here, so that this cannot be answered. */
  override fetchSockets(): Promise<RemoteSocket<EmitEvents, SocketData>[]> {
    throw new Error("fetchSockets() is not supported on parent namespaces");
  }

  #cleanUpWhenEmpty(child: Namespace<ListenEvents, EmitEvents, ServerSideEvents, SocketData>): void {
    const remove = child._remove;
    child._remove = (socket) => {
      remove.call(child, socket);
      if (child.sockets.size > 0 || child._preConnectSockets.size > 0) return;
      void child.adapter.close();
      if (this.server._nsps.get(child.name) === child) this.server._nsps.delete(child.name);
      this.children.delete(child);
    };
  }
}
