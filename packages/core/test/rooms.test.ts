import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Member, Rooms, type RoomsObserver } from "../src/rooms.ts";

class Person implements Member {
  readonly id: string;
  joined: Member["joined"] = undefined;

  constructor(id: string) {
    this.id = id;
  }
}

/** Rooms that write down what their observer hears. */
function observed(): { rooms: Rooms<Person>; heard: string[] } {
  const heard: string[] = [];
  const observer: RoomsObserver = {
    onCreate: (room) => heard.push(`create ${room}`),
    onJoin: (room, id) => heard.push(`join ${room} ${id}`),
    onLeave: (room, id) => heard.push(`leave ${room} ${id}`),
    onDelete: (room) => heard.push(`delete ${room}`),
  };
  return { rooms: new Rooms<Person>(observer), heard };
}

describe("Rooms", () => {
  it("tell when a room comes and goes, and who joins and leaves", () => {
    const { rooms, heard } = observed();
    const [a, b] = [new Person("a"), new Person("b")];
    rooms.join(a, "x");
    rooms.join(b, "x");
    rooms.join(b, "x");
    rooms.leave(a, "x");
    rooms.leave(a, "x");
    rooms.leave(b, "x");
    expect(heard).toEqual(["create x", "join x a", "join x b", "leave x a", "leave x b", "delete x"]);
  });

  it("hold a member's own room without a record", () => {
    const { rooms, heard } = observed();
    const a = new Person("a");
    rooms.join(a, "a");
    expect(a.joined).toBeNull();
    expect(rooms.in("a")).toEqual([a]);
    expect(rooms.ids("a")).toEqual(new Set(["a"]));
    expect([...rooms.names()]).toEqual(["a"]);
    rooms.leaveAll(a);
    expect(rooms.has("a")).toBe(false);
    expect(heard).toEqual(["create a", "join a a", "leave a a", "delete a"]);
  });

  it("let others into a member's own room", () => {
    const { rooms, heard } = observed();
    const [a, b] = [new Person("a"), new Person("b")];
    rooms.join(a, "a");
    rooms.join(b, "a");
    expect(rooms.in("a")).toEqual([a, b]);
    rooms.leave(b, "a");
    expect(rooms.in("a")).toEqual([a]);
    rooms.join(b, "a");
    rooms.leave(a, "a");
    expect(rooms.in("a")).toEqual([b]);
    expect(heard.filter((line) => line.startsWith("create") || line.startsWith("delete"))).toEqual([
      "create a",
    ]);
  });

  it("keep no Set for a member that has left what it joined", () => {
    const { rooms } = observed();
    const a = new Person("a");
    rooms.join(a, "a");
    rooms.join(a, "x");
    rooms.leave(a, "x");
    expect(a.joined).toBeNull();
  });

  it("know a member that is in no room until it has left everything", () => {
    const { rooms } = observed();
    const a = new Person("a");
    rooms.join(a, "a");
    rooms.leave(a, "a");
    expect(rooms.everyone()).toEqual([a]);
    expect(rooms.has("a")).toBe(false);
    rooms.leaveAll(a);
    expect(rooms.everyone()).toEqual([]);
  });

  it("hand out snapshots that do not change", () => {
    const { rooms } = observed();
    const [a, b] = [new Person("a"), new Person("b")];
    rooms.join(a, "x");
    const snapshot = rooms.in("x");
    const everyone = rooms.everyone();
    rooms.join(b, "x");
    expect(snapshot).toEqual([a]);
    expect(everyone).toEqual([a]);
    expect(rooms.in("x")).toEqual([a, b]);
    expect(rooms.everyone()).toEqual([a, b]);
  });

  it("keep a Set of ids that was handed out up to date", () => {
    const { rooms } = observed();
    const [a, b] = [new Person("a"), new Person("b")];
    rooms.join(a, "x");
    const ids = rooms.ids("x");
    rooms.join(b, "x");
    rooms.leave(a, "x");
    expect(ids).toEqual(new Set(["b"]));
  });

  it("give a member the rooms of another with its id, and tell nobody", () => {
    const { rooms, heard } = observed();
    const [old, young] = [new Person("a"), new Person("a")];
    rooms.join(old, "x");
    heard.length = 0;
    rooms.join(young, "a");
    expect(rooms.in("x")).toEqual([young]);
    expect(rooms.everyone()).toEqual([young]);
    expect(old.joined).toBeUndefined();
    expect(heard).toEqual(["create a", "join a a"]);
    rooms.leaveAll(old);
    expect(rooms.everyone()).toEqual([young]);
  });

  it("bear an observer that joins and leaves while a member leaves everything", () => {
    const heard: string[] = [];
    const a = new Person("a");
    const rooms: Rooms<Person> = new Rooms<Person>({
      onCreate: () => {},
      onJoin: () => {},
      onLeave: (room) => {
        heard.push(room);
        if (room === "x") rooms.join(a, "y");
      },
      onDelete: () => {},
    });
    rooms.join(a, "a");
    rooms.join(a, "x");
    rooms.leaveAll(a);
    expect(heard).toEqual(["a", "x", "y"]);
    expect([...rooms.names()]).toEqual([]);
  });

  it("are, whatever happens, what two plain Maps would be", () => {
    const ids = ["a", "b", "c", "__proto__"];
    const names = [...ids, "x", "y", ""];
    const step = fc.tuple(
      fc.constantFrom("join", "join", "leave", "leaveAll", "look"),
      fc.nat(ids.length - 1),
      fc.constantFrom(...names),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { rooms, heard } = observed();
        const people = ids.map((id) => new Person(id));
        const model = new Model();
        for (const [action, who, name] of steps) {
          const person = people[who]!;
          if (action === "join") {
            rooms.join(person, name);
            model.join(person.id, name);
          } else if (action === "leave") {
            rooms.leave(person, name);
            model.leave(person.id, name);
          } else if (action === "leaveAll") {
            rooms.leaveAll(person);
            model.leaveAll(person.id);
          } else expect(rooms.roomsOf(person)).toEqual(model.sids.get(person.id));
          expect(heard).toEqual(model.heard);
          expect(new Set(rooms.names())).toEqual(new Set(model.rooms.keys()));
          for (const name of names) {
            expect(rooms.ids(name)).toEqual(model.rooms.get(name));
            expect(rooms.in(name).map(({ id }) => id)).toEqual([...(model.rooms.get(name) ?? [])]);
          }
          expect(new Set(rooms.everyone().map(({ id }) => id))).toEqual(new Set(model.sids.keys()));
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** The same, said plainly. */
class Model {
  readonly rooms = new Map<string, Set<string>>();
  readonly sids = new Map<string, Set<string>>();
  readonly heard: string[] = [];

  join(id: string, name: string): void {
    if (!this.sids.has(id)) this.sids.set(id, new Set());
    this.sids.get(id)!.add(name);
    if (!this.rooms.has(name)) {
      this.rooms.set(name, new Set());
      this.heard.push(`create ${name}`);
    }
    if (this.rooms.get(name)!.has(id)) return;
    this.rooms.get(name)!.add(id);
    this.heard.push(`join ${name} ${id}`);
  }

  leave(id: string, name: string): void {
    this.sids.get(id)?.delete(name);
    const room = this.rooms.get(name);
    if (!room?.delete(id)) return;
    this.heard.push(`leave ${name} ${id}`);
    if (room.size > 0) return;
    this.rooms.delete(name);
    this.heard.push(`delete ${name}`);
  }

  leaveAll(id: string): void {
    for (const name of [...(this.sids.get(id) ?? [])]) this.leave(id, name);
    this.sids.delete(id);
  }
}
