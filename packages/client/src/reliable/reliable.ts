import type { AllButLast, EventNames, EventParams, EventsMap, FirstArg, Last } from "../events.ts";
import type { Outbox } from "./outbox.ts";
import { plain } from "./plain.ts";

export interface ReliableFlags {
  /** Gives an event up, as long as it was not sent: it is removed, and its promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** `socket.reliable`: emits events that take effect once, whatever happens to connections, pages and servers. */
export class Reliable<EmitEvents extends EventsMap> {
  private readonly _outbox: Outbox;
  private readonly _flags: ReliableFlags;

  constructor(outbox: Outbox, flags: ReliableFlags) {
    this._outbox = outbox;
    this._flags = flags;
  }

  /**
   * Resolves with the handler's reply, once that and what the handler did are stored. Rejects with a `ReliableError`:
   * the handler's refusal, or with the codes `DATA_INVALID`, `OUTBOX_FULL`, `OUTCOME_UNKNOWN` and others of
   * docs/errors.md.
   */
  async emit<Name extends EventNames<EmitEvents> & string>(
    event: Name,
    ...args: AllButLast<EventParams<EmitEvents, Name>>
  ): Promise<FirstArg<Last<EventParams<EmitEvents, Name>>>> {
    const entry = plain(event, args);
    return (await this._outbox._add(entry, this._flags.signal)) as FirstArg<
      Last<EventParams<EmitEvents, Name>>
    >;
  }

  /** The same, with a signal: `socket.reliable.with({ signal }).emit(…)`. */
  with(flags: ReliableFlags): Reliable<EmitEvents> {
    return new Reliable(this._outbox, { ...this._flags, ...flags });
  }
}
