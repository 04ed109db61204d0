import type { Receipt, StoreError } from "@holdfast/core";
import { Gate } from "../outbox/index.ts";

type Flush = Receipt["flush"];

/** An event that may still fail to be stored, and what to say then. */
interface Unconfirmed {
  readonly receipt: Receipt;
  report(error: StoreError): void;
}

/** One gate for everything that shares a flush: it opens when that is on disk, and fails with it. */
export class CommitGates {
  #flush: Flush | undefined;
  #gate: Gate | undefined;
  #unconfirmed: Unconfirmed[] = [];

  /** The gate of a receipt that is pending. */
  gateOf({ flush }: Receipt): Gate {
    if (this.#flush === flush) return this.#gate!;
    const gate = new Gate();
    const unconfirmed: Unconfirmed[] = [];
    this.#flush = flush;
    this.#gate = gate;
    this.#unconfirmed = unconfirmed;
    flush.onSettled(() => {
      if (!flush.error) {
        gate.open();
        return;
      }
      gate.fail();
      for (const { receipt, report } of unconfirmed) if (receipt.error) report(receipt.error);
    });
    return gate;
  }

  /** Calls `report` if the receipt, which {@link gateOf} was just asked for, fails: nobody awaits it. */
  watch(receipt: Receipt, report: (error: StoreError) => void): void {
    this.#unconfirmed.push({ receipt, report });
  }
}
