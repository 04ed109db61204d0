import { inspect } from "node:util";
import type { Member, Rooms } from "@holdfast/core";
import { HoldfastError } from "../errors.ts";

/** A Map whose contents are looked up elsewhere, each time. */
abstract class MapView<V> extends Map<string, V> {
  abstract override get(key: string): V | undefined;
  abstract override has(key: string): boolean;
  abstract override get size(): number;
  protected abstract names(): Iterable<string>;

  override *keys(): MapIterator<string> {
    yield* this.names();
  }

  override *entries(): MapIterator<[string, V]> {
    for (const key of this.names()) yield [key, this.get(key) as V];
  }

  override *values(): MapIterator<V> {
    for (const key of this.names()) yield this.get(key) as V;
  }

  override [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries();
  }

  override forEach(visit: (value: V, key: string, map: Map<string, V>) => void, self?: unknown): void {
    for (const [key, value] of this.entries()) visit.call(self, value, key, this);
  }

  override set(): never {
    throw readOnly();
  }

  override delete(): never {
    throw readOnly();
  }

  override clear(): never {
    throw readOnly();
  }

  [inspect.custom](): Map<string, V> {
    return new Map(this.entries());
  }
}

function readOnly(): HoldfastError {
  return new HoldfastError("READ_ONLY", "the rooms are changed by join and leave");
}

/** `adapter.rooms`: rooms to the ids of their members. */
export class RoomsView<M extends Member> extends MapView<Set<string>> {
  readonly #rooms: Rooms<M>;

  constructor(rooms: Rooms<M>) {
    super();
    this.#rooms = rooms;
  }

  override get(name: string): Set<string> | undefined {
    return this.#rooms.ids(name);
  }

  override has(name: string): boolean {
    return this.#rooms.has(name);
  }

  override get size(): number {
    let size = 0;
    for (const _ of this.#rooms.names()) size++;
    return size;
  }

  protected names(): Iterable<string> {
    return this.#rooms.names();
  }
}

/** `adapter.sids`: the ids of members to their rooms. */
export class MembersView<M extends Member> extends MapView<Set<string>> {
  readonly #rooms: Rooms<M>;

  constructor(rooms: Rooms<M>) {
    super();
    this.#rooms = rooms;
  }

  override get(id: string): Set<string> | undefined {
    const member = this.#rooms.member(id);
    return member && this.#rooms.roomsOf(member);
  }

  override has(id: string): boolean {
    return this.#rooms.member(id) !== undefined;
  }

  override get size(): number {
    return this.#rooms.memberCount;
  }

  protected *names(): Iterable<string> {
    for (const { id } of this.#rooms.members()) yield id;
  }
}
