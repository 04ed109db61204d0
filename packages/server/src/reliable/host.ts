import type { Codec } from "../codec.ts";
import type { Kept, OnError } from "../kept/index.ts";
import type { Handling } from "./execution.ts";
import type { TransactionHost } from "./transaction.ts";

/** What reliable emits need of a server. */
export interface ReliableHost {
  readonly codec: Codec;
  /** undefined without a store: then handlers answer, and nothing more. */
  readonly kept: Kept | undefined;
  readonly onError: OnError;
  /** What a transaction can do in a socket's namespace. */
  transactionsOf(socket: Handling): TransactionHost;
}
