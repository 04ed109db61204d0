import { Adapter } from "socket.io-adapter";
import { expect, it } from "vitest";
import { conformance, flushed, type Namespace, once, record } from "./support.ts";

conformance("serverSideEmit()", (kit) => {
  /** An adapter that hands what is meant for other servers to this one, as those would get it. */
  class LoopAdapter extends Adapter {
    override serverSideEmit(packet: unknown[]) {
      const target = this.nsp as unknown as { _onServerSideEmit(args: unknown[]): void };
      if (typeof packet.at(-1) !== "function") return target._onServerSideEmit(packet);
      const ack = packet.pop() as (error: Error | null, responses: unknown[]) => void;
      target._onServerSideEmit([...packet, (answer: unknown) => ack(null, [answer])]);
    }
  }

  for (const name of ["connect", "connection", "new_namespace"]) {
    it(`refuses the reserved "${name}"`, async () => {
      const { io } = await kit.serve({ adapter: LoopAdapter });
      expect(() => io.serverSideEmit(name)).toThrow(`"${name}" is a reserved event name`);
      expect(() => io.of("/chat").serverSideEmit(name)).toThrow(`"${name}" is a reserved event name`);
    });
  }

  it("reaches the listeners of the other servers' namespace, not the clients", async () => {
    const running = await kit.serve({ adapter: LoopAdapter });
    const [, client] = await kit.pair(running);
    const heard = record(client);
    const main = once(running.io, "hello");
    expect(running.io.serverSideEmit("hello", 1, { a: "2" })).toBe(true);
    expect(await main).toEqual([1, { a: "2" }]);
    const chat = once(running.io.of("/chat"), "hello");
    running.io.of("/chat").serverSideEmit("hello", 3);
    expect(await chat).toEqual([3]);
    await flushed(running.io, client);
    expect(heard).toEqual([]);
  });

  it("collects the answers of the other servers", async () => {
    const { io } = await kit.serve({ adapter: LoopAdapter });
    (io as unknown as Namespace).on(
      "question" as never,
      ((value: number, reply: (answer: number) => void) => reply(value + 1)) as never,
    );
    expect(await io.serverSideEmitWithAck("question", 1)).toEqual([2]);
    const args = await new Promise<unknown[]>((resolve) => {
      io.serverSideEmit("question", 2, (...result: unknown[]) => resolve(result));
    });
    expect(args).toEqual([null, [3]]);
  });

  it("rejects with the answers that came when a server stays silent", async () => {
    class SilentAdapter extends Adapter {
      override serverSideEmit(packet: unknown[]) {
        const ack = packet.pop() as (error: Error | null, responses: unknown[]) => void;
        ack(new Error("timeout reached: missing 1 responses"), ["one"]);
      }
    }
    const { io } = await kit.serve({ adapter: SilentAdapter });
    const error = await io
      .serverSideEmitWithAck("question")
      .catch((reason: Error & { responses: unknown }) => reason);
    expect((error as Error).message).toBe("timeout reached: missing 1 responses");
    expect((error as Error & { responses: unknown }).responses).toEqual(["one"]);
  });

  it("is heard by nobody on a single node", async () => {
    const { io } = await kit.serve();
    let heard = false;
    (io as unknown as Namespace).on(
      "hello" as never,
      (() => {
        heard = true;
      }) as never,
    );
    expect(io.serverSideEmit("hello")).toBe(true);
    expect(heard).toBe(false);
  });

  // stock's in-memory adapter only warns that it cannot: such a promise never settles
  it.runIf(!kit.isStock)("is answered by no other server on a single node", async () => {
    const { io } = await kit.serve();
    expect(await io.serverSideEmitWithAck("question")).toEqual([]);
  });
});
