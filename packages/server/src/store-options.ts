import { Adapter, type AdapterConstructor, RecoveryAdapter } from "./adapter/index.ts";
import { HoldfastError } from "./errors.ts";
import { KeepingAdapter, Kept } from "./kept/index.ts";
import { RecoveringAdapter, recoveryPolicy } from "./recovery/index.ts";
import type { ServerOptions } from "./server-options.ts";

/**
 * What the option `store` makes durable; undefined without it.
 *
 * @throws `NO_STORE` if another option needs it; `OPTIONS_CONFLICT` if one excludes it
 */
export function openKept(options: Partial<ServerOptions>): Kept | undefined {
  const { store, rooms, adapter, onError } = options;
  if (store === undefined) {
    for (const option of ["rooms", "resume", "reliable"] as const) {
      if (options[option])
        throw new HoldfastError("NO_STORE", `the option "${option}" needs the option "store"`);
    }
    return undefined;
  }
  if (adapter) throw storeAndAdapter();
  return new Kept(store, rooms, onError, recoveryPolicy(options));
}

/** The class of the namespaces' adapters where the application names none. */
export function defaultAdapter(kept: Kept | undefined, recovers: boolean): AdapterConstructor {
  if (kept) return recovers ? RecoveringAdapter : KeepingAdapter;
  return recovers ? RecoveryAdapter : Adapter;
}

export function storeAndAdapter(): HoldfastError {
  return new HoldfastError("OPTIONS_CONFLICT", 'the options "store" and "adapter" exclude each other');
}
