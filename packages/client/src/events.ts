/**
 * The types behind typed events: maps from an event's name to its listener's signature, as socket.io-client has them.
 */

// biome-ignore lint/suspicious/noExplicitAny: listeners are contravariant in their arguments, so that a map of events of unknown arguments can't be written without it
export type Loose = any;

export interface EventsMap {
  [event: string]: Loose;
}

/** What a socket without type parameters has: any event, any arguments. */
export interface DefaultEventsMap {
  [event: string]: (...args: Loose[]) => void;
}

export type EventNames<Events extends EventsMap> = keyof Events & (string | symbol);

export type EventParams<Events extends EventsMap, Name extends EventNames<Events>> = Parameters<Events[Name]>;

/** The listener of an event that Socket.IO itself emits, or of one of the application's. */
export type EventListener<
  Reserved extends EventsMap,
  Events extends EventsMap,
  Name extends EventNames<Reserved> | EventNames<Events>,
> = OrUntyped<
  Name extends EventNames<Reserved> ? Reserved[Name] : Name extends EventNames<Events> ? Events[Name] : never
>;

type OrUntyped<Listener> = [Listener] extends [never] ? (...args: Loose[]) => void | Promise<void> : Listener;

/** The last type of a list: the acknowledgement of an event, where it has one. */
export type Last<List extends unknown[]> = List extends [...infer _, infer Tail] ? Tail : Loose;

export type AllButLast<List extends unknown[]> = List extends [...infer Head, infer _] ? Head : Loose[];

export type FirstArg<Callback> = Callback extends (arg: infer Arg) => unknown ? Arg : Loose;

type PrependError<Args extends unknown[]> = {
  [Index in keyof Args]: Args[Index] extends (...args: infer Params) => infer Result
    ? (error: Error, ...args: Params) => Result
    : Args[Index];
};

/** The same events, where every acknowledgement gets an error first: those of `socket.timeout(ms)`. */
export type DecorateAcknowledgements<Events> = {
  [Name in keyof Events]: Events[Name] extends (...args: infer Params) => infer Result
    ? (...args: PrependError<Params>) => Result
    : Events[Name];
};
