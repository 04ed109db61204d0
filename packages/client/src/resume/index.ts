import { PacketType } from "@holdfast/protocol";
import type { Loose } from "../events.ts";
import { type Extensible, extend } from "../extension.ts";
import type { ResumeOptions } from "../options.ts";
import type { Stop } from "../timers.ts";
import { CREDIT, HELD_MAX, LATE_MS, WRITE_DELAY_MS } from "./limits.ts";
import { type Cursor, isLater, offsetOf, type Positions, type Stand, shown } from "./positions.ts";
import { storageOf } from "./storage.ts";

/** What a storage has: the client's key, and where it stands in its rooms. */
type Kept = [key?: string, rooms?: Record<string, Stand>];

/** Makes a socket continue where it stood (PROTOCOL §3). One closure: what is private costs a letter. */
export function resume(socket: Extensible): void {
  const { recovery, io, on, _onEvent } = socket;
  if (recovery.positions) return;
  const options: ResumeOptions = socket._opts.resume;
  const { credit = CREDIT, user = "" } = options;
  const positions: Positions = new Map();
  let key: string | undefined;
  let isGranted: string | undefined;
  let refused: Record<string, string> | undefined;
  /** The last stored event that came in its turn, given or not: there connection state recovery continues, too. */
  let live: Cursor = {};
  /** Events of replays that have been handed out, and the server does not know it. */
  let owed = 0;
  /** Events that nobody listens to yet, in order, */
  let held: [name: unknown, give: () => void][] = [];
  /** where a fresh client on the same storage stands: before the first of them, */
  let frozen: Record<string, Stand> | undefined;
  /** and the end of their time. */
  let stopWaiting: Stop | undefined;
  /** There is something to write, at some time. */
  let writing: Stop | undefined;

  /** Makes a room stand where it does now, or at `at`, and then follow a cursor, or none. */
  const follow = (room: string, at?: string, cursor?: Cursor) => {
    const stand = positions.get(room);
    if (stand) positions.set(room, [at ?? offsetOf(stand), stand[1], cursor!]);
  };
  const stand = (rooms: Record<string, Stand> | undefined) => {
    for (const room in rooms) positions.set(room, rooms[room]!.slice() as Stand);
  };

  const name = `holdfast ${io.engine.transport.opts.host + io.engine.transport.opts.path + socket.nsp} ${user}`;
  /** Takes what a storage has as our own, or adds our own to it. What fails is reported. */
  const sync = async (isOurs?: boolean) => {
    try {
      const storage = storageOf(options);
      const [theirs, rooms]: Kept = JSON.parse((await storage?.getItem(name)) ?? "[]");
      if (isOurs) {
        key = theirs;
        stand(rooms);
      } else {
        for (const room in refused) delete rooms?.[room];
        // what another tab keeps as the same client stays
        const all = { ...(theirs === key && rooms), ...(frozen ?? shown(positions)) };
        await storage?.setItem(name, JSON.stringify([key, shown(Object.entries(all))]));
      }
    } catch (cause) {
      recovery.emit("error", Object.assign(Error(cause as string), { code: "STORAGE_FAILED", cause }));
    }
  };
  const reading = sync(true);
  /** @param _before what comes first */
  const flush = (_before?: unknown) => {
    if (writing) {
      writing = undefined;
      sync();
    }
  };

  const hears = (name: unknown) => socket._any[0] || socket._callbacks[name as string]?.[0];
  /** Gives those that need not wait any longer, each in a turn of its own: a listener may throw. */
  const wake = () => {
    held = held.filter(([name, give]) => (stopWaiting && !hears(name)) || queueMicrotask(give));
    if (!held[0]) frozen = undefined;
  };
  const stopHolding = () => {
    stopWaiting = undefined;
    wake();
  };

  const pay = () => {
    if (owed && socket.connected) {
      socket._packet({ type: PacketType.EVENT, data: ["holdfast:credit", owed] });
      owed = 0;
      // what waited may be given when its replay is over
      if (recovery.replaying) recovery.emit("progress", recovery.replaying);
    }
  };

  /** Something of where it stands, or of what it owes, may have changed. */
  const touch = () => {
    // the server may send less ahead than was asked for
    writing ??= io._after(WRITE_DELAY_MS, () => flush(pay()));
  };

  /** PROTOCOL §3.4 and §3.6. */
  const controls: Record<string, (...args: Loose[]) => void> = {
    left: follow,
    joined(room, at, grant) {
      // who is a member knows better
      if (!positions.get(room)?.[2]) {
        positions.delete(room);
        // no cursor (true) where live events are later: its replay is about to begin
        positions.set(room, [at, grant, (isLater(live.at, at) || live) as Cursor]);
        if (frozen) frozen[room] ??= [at, grant];
      }
    },
    replay(_id, rooms) {
      recovery.replaying = { rooms, events: 0 };
      for (const room of rooms) follow(room, undefined, recovery.replaying);
    },
    replayed(_id, _events, ends, gaps) {
      pay();
      const { replaying } = recovery;
      recovery.replaying = undefined;
      // or goes on, behind a gap
      for (const [room, at] of ends) follow(room, at, (isLater(live.at, at) || live) as Cursor);
      for (const gap of gaps) recovery.emit("gap", gap);
      replaying.gaps = gaps.length;
      recovery.emit("replayed", replaying);
    },
  };

  socket._onEvent = (args) => {
    if (!isGranted || args.at(-1)?.call) return _onEvent.call(socket, args);
    const end = args.pop();
    const [name, ...rest] = args;
    const { replaying } = recovery;
    touch();
    if (end === 1) return controls[name]?.(...rest);
    const give = () => {
      // it may have waited, and be the last
      touch();
      if (replaying) {
        replaying.events++;
        if (++owed * 2 >= credit) pay();
      }
      _onEvent.call(socket, args);
    };
    // in order with those of its name
    if (held.some(([waiting]) => waiting === name) || (end && stopWaiting && !hears(name))) {
      frozen ??= shown(positions);
      if (held.push([name, give]) > HELD_MAX) stopHolding();
    } else give();
    if (end) (replaying ?? live).at = end;
  };
  recovery.positions = positions;
  socket.on = (event, listener) => {
    queueMicrotask(wake);
    return on.call(socket, event, listener);
  };
  globalThis.addEventListener?.("pagehide", flush);

  extend(socket, {
    _name: "resume",
    async _ask() {
      // what an old connection brought too late is behind every position: it comes again
      if (isGranted) {
        socket.receiveBuffer = [];
        socket._lastOffset = live.at;
      }
      await reading;
      // behind what waits here too: it is not lost with the connection
      return { credit, key, positions: shown(positions) };
    },
    _answered(answer, isRecovered) {
      owed = 0;
      if (!isRecovered) {
        // nor is what the session before had left on its way; what is not stored may be of this one
        if (isGranted) socket.receiveBuffer = socket.receiveBuffer.filter((args) => args.at(-1).length < 1);
        // what the old session should have got comes again, from the positions on
        stand(shown(positions));
        live = {};
        recovery.replaying = undefined;
      }
      isGranted = answer?.key;
      if (isGranted) {
        key = isGranted;
        refused = answer.refused;
        for (const room in refused) {
          positions.delete(room);
          recovery.emit("refused", { room, code: refused[room] });
        }
        stopWaiting = io._after(LATE_MS, stopHolding);
      } else {
        stopHolding();
        if (answer) recovery.emit("error", Object.assign(Error(), answer.error));
      }
    },
    _closed() {
      stopWaiting?.();
      flush();
    },
  });
}
