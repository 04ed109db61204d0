import type { Emitter } from "./emitter.ts";
import type { Transport } from "./transport.ts";

interface UpgradeEvents {
  close: () => void;
  upgrading: (transport: Transport) => void;
  upgradeError: (error: Error) => void;
}

/** What an upgrade needs of a connection. */
interface Upgradable {
  readonly transport: Transport;
  readonly readyState: string | undefined;
  upgrading: boolean;
  createTransport(name: string): Transport;
  _adopt(transport: Transport): void;
  _onError(error: Error): void;
}

/** Tries to move an open connection to a better transport (Engine.IO protocol v4, "Upgrade"). */
export function probe(connection: Upgradable & Emitter<UpgradeEvents, UpgradeEvents>, name: string): void {
  const transport = connection.createTransport(name);
  let over = false;

  const end = () => {
    over = true;
    transport.off();
    connection.off("close", onClose).off("upgrading", onUpgrading);
  };
  const fail = (reason: unknown) => {
    end();
    transport.close();
    const error = Object.assign(new Error(`probe error: ${reason}`), { transport: name });
    connection.emit("upgradeError", error);
    // the old transport has been paused for good
    if (connection.upgrading) connection._onError(error);
  };
  const onClose = () => fail("socket closed");
  const onUpgrading = (other: Transport) => {
    if (other.name !== name) {
      end();
      transport.close();
    }
  };

  transport
    .on("open", () => transport.send([{ type: "ping", data: "probe" }]))
    .on("error", fail)
    .on("close", () => fail("transport closed"))
    .once("packet", ({ type, data }) => {
      if (type !== "pong" || data !== "probe") return fail("unexpected answer");
      connection.upgrading = true;
      connection.emit("upgrading", transport);
      connection.transport.pause(() => {
        if (over || connection.readyState === "closed") return;
        end();
        connection._adopt(transport);
      });
    });
  connection.once("close", onClose).on("upgrading", onUpgrading);
  transport.open();
}
