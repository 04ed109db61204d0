// biome-ignore-all lint/suspicious/noExplicitAny: the public types of Socket.IO are written in terms of any, and inference must agree with them
/*
 * The types behind typed events: what a program gets from `Server<ListenEvents, EmitEvents, ServerSideEvents, Data>`.
 * Names and inference are those of Socket.IO 4.8, because programs import and depend on them.
 */

/** Event names to listener types. */
export interface EventsMap {
  [event: string]: any;
}

/** Used where no map is given: any event, any arguments. */
export interface DefaultEventsMap {
  [event: string]: (...args: any[]) => void;
}

type AnyFunction = (...args: any[]) => any;

type IsAny<T> = 0 extends 1 & T ? true : false;

type IfAny<T, Then = true, Else = false> = IsAny<T> extends true ? Then : Else;

/** The names of a map's events. */
export type EventNames<Map extends EventsMap> = keyof Map & (string | symbol);

/** The arguments of an event. */
export type EventParams<Map extends EventsMap, Ev extends EventNames<Map>> = Parameters<Map[Ev]>;

/** The last element's type. */
export type Last<T extends readonly unknown[]> = T extends readonly [infer Only]
  ? Only
  : T extends readonly [infer _First, ...infer Rest]
    ? Last<Rest>
    : T extends ReadonlyArray<infer Item>
      ? Item
      : never;

/** All elements but the last. */
export type AllButLast<T extends any[]> = T extends [...infer Head, infer _Last] ? Head : any[];

/** The arguments of an event without its acknowledgement callback: what a handler gets. */
export type HandledArgs<Map extends EventsMap, Ev extends EventNames<Map>> =
  EventParams<Map, Ev> extends [...infer Args, AnyFunction] ? Args : EventParams<Map, Ev>;

/** What a handler replies with: what the acknowledgement callback takes; anything if there is none. */
export type HandledReply<Map extends EventsMap, Ev extends EventNames<Map>> =
  Last<EventParams<Map, Ev>> extends infer Ack extends AnyFunction
    ? IfAny<Ack, unknown, Parameters<Ack> extends [] ? unknown : FirstNonErrorTuple<Parameters<Ack>>>
    : unknown;

/** The events whose last argument is an acknowledgement callback. */
export type EventNamesWithAck<Map extends EventsMap, K extends EventNames<Map> = EventNames<Map>> = IfAny<
  Last<Parameters<Map[K]>> | Map[K],
  K,
  K extends (
    Parameters<Map[K]> extends never[]
      ? never
      : Last<Parameters<Map[K]>> extends AnyFunction
        ? K
        : never
  )
    ? K
    : never
>;

/** The events whose last argument is no callback. */
export type EventNamesWithoutAck<Map extends EventsMap, K extends EventNames<Map> = EventNames<Map>> = IfAny<
  Last<Parameters<Map[K]>> | Map[K],
  K,
  K extends (Parameters<Map[K]> extends never[] ? K : never)
    ? K
    : K extends (Last<Parameters<Map[K]>> extends AnyFunction ? never : K)
      ? K
      : never
>;

/** As Parameters, for what may be no function. */
type LooseParameters<T> = T extends (...args: infer P) => any ? P : never;

/** The events whose acknowledgement takes an error first. */
export type EventNamesWithError<
  Map extends EventsMap,
  K extends EventNamesWithAck<Map> = EventNamesWithAck<Map>,
> = IfAny<
  Last<Parameters<Map[K]>> | Map[K],
  K,
  K extends (LooseParameters<Last<Parameters<Map[K]>>>[0] extends Error ? K : never) ? K : never
>;

/** A map without the events that ask for an acknowledgement. */
export type RemoveAcknowledgements<E extends EventsMap> = {
  [K in EventNamesWithoutAck<E>]: E[K];
};

export type FirstNonErrorTuple<T extends unknown[]> = T[0] extends Error ? T[1] : T[0];

/** The first argument of a callback that is no error: what `emitWithAck` resolves with. */
export type FirstNonErrorArg<T> = T extends (...args: infer Params) => any ? FirstNonErrorTuple<Params> : any;

export type ReservedOrUserEventNames<Reserved extends EventsMap, User extends EventsMap> =
  | EventNames<Reserved>
  | EventNames<User>;

/** The listener of a reserved event, else of the user's event, else any function. */
export type ReservedOrUserListener<
  Reserved extends EventsMap,
  User extends EventsMap,
  Ev extends ReservedOrUserEventNames<Reserved, User>,
> = FallbackToUntypedListener<
  Ev extends EventNames<Reserved> ? Reserved[Ev] : Ev extends EventNames<User> ? User[Ev] : never
>;

type FallbackToUntypedListener<T> = [T] extends [never] ? (...args: any[]) => void | Promise<void> : T;

/** Something whose `emit` is typed. */
export interface TypedEventBroadcaster<EmitEvents extends EventsMap> {
  emit<Ev extends EventNames<EmitEvents>>(ev: Ev, ...args: EventParams<EmitEvents, Ev>): boolean;
}

type PrependTimeoutError<T extends any[]> = {
  [K in keyof T]: T[K] extends (...args: infer Params) => infer Result
    ? Params[0] extends Error
      ? T[K]
      : (err: Error, ...args: Params) => Result
    : T[K];
};

/** Each element as a list of such elements: one per client that answered. */
export type MultiplyArray<T extends unknown[]> = {
  [K in keyof T]: T[K][];
};

/** The first element, with its label. */
type FirstWithLabel<T extends any[]> = T extends [any, ...infer Rest]
  ? T extends [...infer Head, ...Rest]
    ? Head
    : never
  : never;

type ExpectMultipleResponses<T extends any[]> = {
  [K in keyof T]: T[K] extends (...args: infer Params) => infer Result
    ? Params extends [Error]
      ? (err: Error) => Result
      : Params extends [Error, ...infer Rest]
        ? (err: Error, ...args: FirstWithLabel<MultiplyArray<Rest>>) => Result
        : Params extends []
          ? () => Result
          : (...args: FirstWithLabel<MultiplyArray<Params>>) => Result
    : T[K];
};

/** After `timeout()`: callbacks take an error first. */
export type DecorateAcknowledgements<E> = {
  [K in keyof E]: E[K] extends (...args: infer Params) => infer Result
    ? (...args: PrependTimeoutError<Params>) => Result
    : E[K];
};

/** For a broadcast: callbacks take one answer per client. */
export type DecorateAcknowledgementsWithMultipleResponses<E> = {
  [K in keyof E]: E[K] extends (...args: infer Params) => infer Result
    ? (...args: ExpectMultipleResponses<Params>) => Result
    : E[K];
};

/** For a broadcast with a time-out: both. */
export type DecorateAcknowledgementsWithTimeoutAndMultipleResponses<E> = {
  [K in keyof E]: E[K] extends (...args: infer Params) => infer Result
    ? (...args: ExpectMultipleResponses<PrependTimeoutError<Params>>) => Result
    : E[K];
};
