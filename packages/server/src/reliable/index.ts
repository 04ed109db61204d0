export { transact } from "./commit.ts";
export type { Handling } from "./execution.ts";
export { checkHandler, type Handler, type HandlerOptions } from "./handlers.ts";
export type { ReliableOptions, ReliableSocket } from "./options.ts";
export { Rejection, retryLater } from "./rejection.ts";
export { Reliable } from "./reliable.ts";
export type {
  ServerTransaction,
  Transaction,
  TransactionHost,
  TransactionOperator,
  TransactionQueue,
} from "./transaction.ts";
