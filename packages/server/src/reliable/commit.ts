import { type Contribution, type Operation, type Precondition, type Store, tellIssued } from "@holdfast/core";
import { HoldfastError } from "../errors.ts";
import { OpenTransaction, type ServerTransaction, type TransactionHost } from "./transaction.ts";

/** Writes what a transaction gathered, all or nothing. Resolves once it is on disk. */
export async function commit(
  store: Store | undefined,
  contributions: readonly Contribution[],
): Promise<void> {
  if (contributions.length === 0) return;
  if (!store) throw new HoldfastError("NO_STORE", 'the server has no option "store"');
  const operations: Operation[] = [];
  const preconditions: Precondition[] = [];
  for (const contribution of contributions) {
    operations.push(...contribution.operations);
    preconditions.push(...(contribution.preconditions ?? []));
  }
  const receipt = store.commit(operations, preconditions);
  if (receipt.state === "failed") for (const contribution of contributions) contribution.dropped?.();
  else tellIssued(contributions, receipt);
  await receipt.durable();
}

/** Does `work` and commits what it did through its transaction, or nothing if it throws. */
export async function transact<Result>(
  host: TransactionHost,
  store: Store | undefined,
  work: (tx: ServerTransaction) => Result | Promise<Result>,
): Promise<Result> {
  const about = { socket: undefined, event: "", sequence: undefined, isRepeat: false };
  const tx = new OpenTransaction(host, about);
  let result: Result;
  try {
    result = await work(tx);
    await tx.settled();
  } catch (error) {
    tx.drop();
    throw error;
  }
  await commit(store, tx.close());
  return result;
}
