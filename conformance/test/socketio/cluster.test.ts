/**
 * Several servers behind one bus, joined by socket.io-adapter's own cluster adapter: what the adapters of the
 * ecosystem (Redis Streams, Postgres, cluster…) are built on must work unchanged in our server.
 */
import { EventEmitter } from "node:events";
import { ClusterAdapterWithHeartbeat, type ClusterMessage, type ClusterResponse } from "socket.io-adapter";
import { describe, expect, it } from "vitest";
import {
  conformance,
  flushed,
  type Namespace,
  once,
  type Pair,
  type Running,
  record,
  type Server,
  type Socket,
  until,
} from "./support.ts";

/** The bus between the servers of one test: messages to all others, responses to one, later and as JSON would. */
function clusterOf(bus: EventEmitter) {
  return class BusAdapter extends ClusterAdapterWithHeartbeat {
    readonly #leaveBus: () => void;

    constructor(nsp: Namespace) {
      super(nsp, { heartbeatInterval: 20, heartbeatTimeout: 60_000 });
      const heard = (message: ClusterMessage) => {
        if (message.nsp === nsp.name) this.onMessage(message, "offset");
      };
      const answered = (response: ClusterResponse) => {
        if (response.nsp === nsp.name) this.onResponse(response);
      };
      bus.on("message", heard);
      bus.on(`response ${this.uid}`, answered);
      this.#leaveBus = () => bus.off("message", heard).off(`response ${this.uid}`, answered);
    }

    override close(): void {
      super.close();
      this.#leaveBus();
    }

    protected override async doPublish(message: ClusterMessage): Promise<string> {
      const copy = structuredClone(message);
      setImmediate(() => bus.emit("message", copy));
      return "offset";
    }

    protected override async doPublishResponse(requester: string, response: ClusterResponse): Promise<void> {
      const copy = structuredClone(response);
      setImmediate(() => bus.emit(`response ${requester}`, copy));
    }
  };
}

type ServerSide = { on(event: string, listener: (...args: never[]) => void): void };

conformance("a cluster of three servers", (kit) => {
  interface Cluster {
    nodes: [Running, Running, Running];
    /** One client per node. */
    pairs: [Pair, Pair, Pair];
  }

  async function cluster(): Promise<Cluster> {
    const bus = new EventEmitter().setMaxListeners(0);
    const options = { adapter: clusterOf(bus) as never };
    const nodes: Running[] = [];
    for (let i = 0; i < 3; i++) nodes.push(await kit.serve(options));
    const pairs: Pair[] = [];
    for (const node of nodes) pairs.push(await kit.pair(node));
    for (const { io } of nodes) await knowsAll(io);
    return { nodes: nodes as Cluster["nodes"], pairs: pairs as Cluster["pairs"] };
  }

  /** Waits until a node has heard from the two others. */
  async function knowsAll(io: Server): Promise<void> {
    let count = 0;
    await until("the nodes to know each other", () => {
      void io
        .of("/")
        .adapter.serverCount()
        .then((servers) => {
          count = servers;
        });
      return count === 3;
    });
  }

  /** Every client hears the last word of each node, in the order that the bus keeps. */
  const settledOn = ({ nodes, pairs }: Cluster) => flushed(nodes[0].io, ...pairs.map(([, client]) => client));

  const ids = (sockets: { id: string }[]) => sockets.map(({ id }) => id).sort();

  it("broadcasts to the clients of all", async () => {
    const all = await cluster();
    const heard = all.pairs.map(([, client]) => record(client));
    all.nodes[0].io.emit("all", 1, { bytes: Buffer.from([1, 2]) });
    await settledOn(all);
    // structuredClone, as most brokers would, gives plain byte arrays
    const expected = [["all", 1, { bytes: Buffer.from([1, 2]) }]];
    expect(heard).toEqual([expected, expected, expected]);
  });

  it("broadcasts to rooms, with exceptions, wherever their members are", async () => {
    const all = await cluster();
    const [[one], [two], [three]] = all.pairs;
    one.join("a");
    two.join(["a", "b"]);
    three.join("c");
    const heard = all.pairs.map(([, client]) => record(client));
    const { io } = all.nodes[0];
    io.to("a").emit("a");
    io.to(["b", "c"]).emit("b or c");
    io.to("a").except("b").emit("a not b");
    one.broadcast.emit("others");
    io.to(three.id).emit("three");
    await settledOn(all);
    expect(heard.map((events) => events.map(([name]) => name))).toEqual([
      ["a", "a not b"],
      ["a", "b or c", "others"],
      ["b or c", "others", "three"],
    ]);
  });

  it("keeps a local broadcast to itself", async () => {
    const all = await cluster();
    const heard = all.pairs.map(([, client]) => record(client));
    all.nodes[0].io.local.emit("local");
    await settledOn(all);
    expect(heard).toEqual([[["local"]], [], []]);
  });

  it("stays within a namespace", async () => {
    const all = await cluster();
    const chats = [];
    for (const node of all.nodes) chats.push((await kit.pair(node, "/chat"))[1]);
    const heard = all.pairs.map(([, client]) => record(client));
    const news = chats.map((client) => once(client, "news"));
    all.nodes[1].io.of("/chat").emit("news", 1);
    expect(await Promise.all(news)).toEqual([[1], [1], [1]]);
    await settledOn(all);
    expect(heard).toEqual([[], [], []]);
  });

  it("collects the acknowledgements of all clients", async () => {
    const all = await cluster();
    all.pairs.forEach(([, client], i) => {
      client.on("question", (value, reply) => reply(`${value} ${i}`));
    });
    const answers = await all.nodes[0].io.timeout(5_000).emitWithAck("question", "yes");
    expect(answers.sort()).toEqual(["yes 0", "yes 1", "yes 2"]);
    const others = await all.pairs[1][0].broadcast.timeout(5_000).emitWithAck("question", "no");
    expect(others.sort()).toEqual(["no 0", "no 2"]);
  });

  it("gives the acknowledgements that came in time", async () => {
    const all = await cluster();
    all.pairs[0][1].on("question", (reply) => reply(0));
    all.pairs[2][1].on("question", (reply) => reply(2));
    const error = await all.nodes[0].io
      .timeout(300)
      .emitWithAck("question")
      .catch((reason: Error & { responses: unknown[] }) => reason);
    expect(error).toBeInstanceOf(Error);
    expect((error as { responses: unknown[] }).responses.sort()).toEqual([0, 2]);
  });

  it("makes the sockets of all join and leave", async () => {
    const all = await cluster();
    const sockets = all.pairs.map(([socket]) => socket);
    all.nodes[0].io.socketsJoin(["x", "y"]);
    await until("all to join", () => sockets.every(({ rooms }) => rooms.has("x") && rooms.has("y")));
    all.nodes[1].io.in(sockets[2]!.id).socketsLeave("x");
    await until("the third to leave", () => !sockets[2]!.rooms.has("x"));
    expect(sockets[0]!.rooms.has("x")).toBe(true);
  });

  it("disconnects the sockets of all", async () => {
    const all = await cluster();
    all.pairs[0][0].join("a");
    all.pairs[2][0].join("a");
    const gone = [all.pairs[0], all.pairs[2]].map(([, client]) => once<[string]>(client, "disconnect"));
    all.nodes[1].io.in("a").disconnectSockets();
    expect((await Promise.all(gone)).map(([reason]) => reason)).toEqual([
      "io server disconnect",
      "io server disconnect",
    ]);
    expect(all.pairs[1][0].connected).toBe(true);
  });

  describe("fetchSockets()", () => {
    it("finds the sockets of all, near and far", async () => {
      const all = await cluster();
      const sockets = all.pairs.map(([socket]) => socket);
      sockets[2]!.data.name = "far";
      sockets[2]!.join("room");
      const found = await all.nodes[0].io.fetchSockets();
      expect(ids(found)).toEqual(ids(sockets));
      const near = found.find(({ id }) => id === sockets[0]!.id);
      expect(near).toBe(sockets[0]);
      const far = found.find(({ id }) => id === sockets[2]!.id)!;
      expect(far).not.toBeInstanceOf(kit.Socket);
      expect(far.data).toEqual({ name: "far" });
      expect(far.rooms).toEqual(new Set([sockets[2]!.id, "room"]));
      expect(far.handshake).toMatchObject({ secure: false, query: { EIO: "4" } });
      expect(ids(await all.nodes[0].io.in("room").fetchSockets())).toEqual([sockets[2]!.id]);
      expect(ids(await all.nodes[0].io.local.fetchSockets())).toEqual([sockets[0]!.id]);
    });

    it("gives sockets that can be reached from afar", async () => {
      const all = await cluster();
      const [socket, client] = all.pairs[2];
      const [far] = await all.nodes[0].io.in(socket.id).fetchSockets();
      const heard = once(client, "hello");
      far!.emit("hello", 1);
      expect(await heard).toEqual([1]);
      client.on("question", (reply) => reply("from afar"));
      expect(await far!.timeout(5_000).emitWithAck("question")).toBe("from afar");
      far!.join("joined");
      await until("it to join", () => socket.rooms.has("joined"));
      far!.leave("joined");
      await until("it to leave", () => !socket.rooms.has("joined"));
      const gone = once<[string]>(client, "disconnect");
      far!.disconnect(true);
      expect((await gone)[0]).toBe("io server disconnect");
    });
  });

  describe("serverSideEmit()", () => {
    it("reaches the other servers, not the one that speaks", async () => {
      const { nodes } = await cluster();
      const heard: unknown[] = [];
      const both = new Promise<void>((resolve) => {
        nodes.forEach(({ io }, i) => {
          (io as unknown as ServerSide).on("hello", (...args) => {
            heard.push([i, ...args]);
            if (heard.length === 2) resolve();
          });
        });
      });
      nodes[0].io.serverSideEmit("hello", "world", 1);
      await both;
      expect(heard.sort()).toEqual([
        [1, "world", 1],
        [2, "world", 1],
      ]);
    });

    it("collects their answers", async () => {
      const { nodes } = await cluster();
      nodes.forEach(({ io }, i) => {
        (io as unknown as ServerSide).on("question", (value: number, reply: (answer: number) => void) =>
          reply(value + i),
        );
      });
      const answers = (await nodes[0].io.serverSideEmitWithAck("question", 10)) as unknown as number[];
      expect(answers.sort()).toEqual([11, 12]);
    });

    it("reaches the namespace that is meant", async () => {
      const { nodes } = await cluster();
      const chat = once(nodes[1].io.of("/chat"), "hello");
      nodes[2].io.of("/chat").serverSideEmit("hello", 1);
      expect(await chat).toEqual([1]);
    });
  });

  it("counts one less when a server closes", async () => {
    const all = await cluster();
    await all.nodes[2].io.close();
    let count = 3;
    await until("the others to notice", () => {
      void all.nodes[0].io
        .of("/")
        .adapter.serverCount()
        .then((servers) => {
          count = servers;
        });
      return count === 2;
    });
    for (const [, client] of all.pairs.slice(0, 2)) client.on("question", (reply) => reply(1));
    expect(await all.nodes[0].io.timeout(5_000).emitWithAck("question")).toEqual([1, 1]);
  });

  it("sees sockets come and go in each server's own rooms", async () => {
    const all = await cluster();
    const { adapter } = all.nodes[0].io.of("/");
    const [socket, client] = all.pairs[0];
    expect([...adapter.rooms.keys()]).toEqual([socket.id]);
    const gone = once(socket as Socket, "disconnect");
    client.disconnect();
    await gone;
    expect(adapter.rooms.size).toBe(0);
  });
});
