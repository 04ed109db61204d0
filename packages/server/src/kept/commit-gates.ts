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
  #lenientGate: Gate | undefined;
  #unconfirmed: Unconfirmed[] = [];
  /** Of the newest receipt that can fail alone. */
  #single: { readonly receipt: Receipt; readonly gate: Gate } | undefined;

  /** The gate of a receipt that is pending: what waits at it is dropped if it can't be stored. */
  gateOf({ flush }: Receipt): Gate {
    if (this.#flush !== flush) this.#follow(flush);
    return this.#gate!;
  }

  /** The gate of a receipt that may fail although its flush does not: one that has preconditions. */
  gateOfOne(receipt: Receipt): Gate {
    if (receipt.preconditions.length === 0) return this.gateOf(receipt);
    if (this.#single?.receipt !== receipt) {
      const gate = new Gate();
      this.#single = { receipt, gate };
      receipt.flush.onSettled(() => {
        if (receipt.state === "failed") gate.fail();
        else gate.open();
      });
    }
    return this.#single.gate;
  }

  /** As {@link gateOf}, but what waits at it is delivered in any case. */
  lenientGateOf({ flush }: Receipt): Gate {
    if (this.#flush !== flush) this.#follow(flush);
    return this.#lenientGate!;
  }

  #follow(flush: Flush): void {
    const gate = new Gate();
    const lenientGate = new Gate();
    const unconfirmed: Unconfirmed[] = [];
    this.#flush = flush;
    this.#gate = gate;
    this.#lenientGate = lenientGate;
    this.#unconfirmed = unconfirmed;
    flush.onSettled(() => {
      lenientGate.open();
      if (!flush.error) {
        gate.open();
        return;
      }
      gate.fail();
      for (const { receipt, report } of unconfirmed) if (receipt.error) report(receipt.error);
    });
  }

  /** Calls `report` if the receipt, which {@link gateOf} was just asked for, fails: nobody awaits it. */
  watch(receipt: Receipt, report: (error: StoreError) => void): void {
    this.#unconfirmed.push({ receipt, report });
  }
}
