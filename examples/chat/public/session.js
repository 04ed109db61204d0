/**
 * The user's presence on the server: the connection, the rooms there are, and the conversations the user is in.
 *
 * After a reconnect, or a reload, it enters every room again and gets what was missed: the client knows where it stood.
 * What was written meanwhile is in the client's outbox, and is sent by it.
 *
 * Events: `status`, `rooms`, `conversations`, and `refused` (detail: the reason in words).
 */
import { lasting } from "./browser-storage.js";
import { Conversation } from "./conversation.js";
import { Outgoing } from "./outgoing.js";

/** @typedef {import("../events.ts").RoomSummary} RoomSummary */
/** @typedef {import("../events.ts").Limits} Limits */
/** @typedef {{ ok: boolean, code?: string, message?: any, retryMs?: number, [field: string]: any }} Answer */

const answerMs = 10_000;
const typingEveryMs = 2000;

export class Session extends EventTarget {
  /** @type {"connecting" | "online" | "offline" | "ended"} */ status = "connecting";
  /** @type {Map<string, RoomSummary>} */ rooms = new Map();
  /** @type {Map<string, Conversation>} */ conversations = new Map();
  /** Told by the server. @type {Limits | null} */ limits = null;
  #typingTold = 0;
  #socket;

  /**
   * @param {(options: object) => any} io Our client.
   * @param {string} name
   * @param {string} key
   */
  constructor(io, name, key) {
    super();
    this.name = name;
    const socket = io({
      auth: { name, key },
      forceNew: true,
      // Where we stood in each room outlives the tab, and what we wrote outlives the browser; both are this user's.
      resume: { storage: lasting, user: name },
      outbox: "indexeddb",
      user: name,
      reconnectionDelay: 500,
      reconnectionDelayMax: 5000,
    });
    this.#socket = socket;
    this.outgoing = new Outgoing(socket, name);
    this.outgoing.addEventListener("change", () => {
      for (const conversation of this.conversations.values()) conversation.showPending();
    });

    socket.on("welcome", (/** @type {{ name: string, rooms: RoomSummary[], limits: Limits }} */ welcome) => {
      this.name = welcome.name;
      this.limits = welcome.limits;
      this.rooms = new Map(welcome.rooms.map((room) => [room.name, room]));
      const before = [...this.conversations.values()]; // whoever joins one from here on enters it
      this.#setStatus("online");
      this.#tell("rooms");
      for (const conversation of before) this.#enter(conversation);
    });
    socket.on("disconnect", (/** @type {string} */ reason) => {
      for (const conversation of this.conversations.values()) conversation.suspend();
      // When the server itself ends the connection, the client does not come back by itself.
      this.#setStatus(reason === "io server disconnect" ? "ended" : "offline");
    });
    socket.on("connect_error", (/** @type {Error & { data?: object }} */ error) => {
      if (error.data) this.#tell("refused", error.message);
      else this.#setStatus("offline");
    });

    socket.on("room", (/** @type {RoomSummary} */ room) => {
      this.rooms.set(room.name, room);
      this.#tell("rooms");
    });
    socket.on("room deleted", (/** @type {string} */ room, /** @type {string} */ by) => {
      this.rooms.delete(room);
      this.conversations
        .get(room)
        ?.end(by === this.name ? "You deleted this room." : `${by} deleted this room.`);
      this.#tell("rooms");
    });
    // Told behind what came instead, and before the answer to "join".
    socket.recovery.on("gap", (/** @type {{ room: string }} */ { room }) => {
      for (const conversation of this.conversations.values())
        if (channelOf(conversation.name) === room) conversation.miss();
    });
    socket.on("message", (/** @type {any} */ message) =>
      this.conversations.get(message.room)?.receive(message),
    );
    socket.on("joined", (/** @type {string} */ room, /** @type {string} */ name) =>
      this.conversations.get(room)?.setPresence(name, true),
    );
    socket.on("left", (/** @type {string} */ room, /** @type {string} */ name) =>
      this.conversations.get(room)?.setPresence(name, false),
    );
    socket.on("typing", (/** @type {string} */ room, /** @type {string} */ name) =>
      this.conversations.get(room)?.setTyping(name),
    );
  }

  /** Does not wait for the next attempt. */
  reconnect() {
    if (!this.#socket.connected) this.#socket.disconnect().connect();
  }

  /** The network is gone: says so at once, and not only when the heartbeats stay away. */
  drop() {
    if (this.#socket.connected) this.#socket.io.engine.close();
  }

  /** Ends the session for good. */
  close() {
    this.#socket.disconnect();
    this.#socket.outbox.close();
  }

  /**
   * Makes a room and resolves with the server's answer.
   * @param {string} name
   * @returns {Promise<Answer>}
   */
  createRoom(name) {
    return new Promise((resolve) => this.#ask("create room", [name], resolve));
  }

  /**
   * @param {string} name
   * @returns {Promise<Answer>}
   */
  deleteRoom(name) {
    return new Promise((resolve) => this.#ask("delete room", [name], resolve));
  }

  /**
   * Enters a room, now or as soon as there is a connection.
   * @param {string} name
   */
  join(name) {
    const names = [...this.rooms.keys(), ...this.conversations.keys()];
    const known = names.find((other) => other.toLowerCase() === name.toLowerCase()) ?? name;
    let conversation = this.conversations.get(known);
    if (!conversation) {
      conversation = new Conversation(known, this.name, this.outgoing);
      this.conversations.set(known, conversation);
      this.#enter(conversation);
      this.#tell("conversations");
    }
    return conversation;
  }

  /** @param {Conversation} conversation */
  leave(conversation) {
    this.conversations.delete(conversation.name);
    if (conversation.entered) this.#ask("leave", [conversation.name], () => {});
    this.#tell("conversations");
  }

  /**
   * Makes a room that is gone anew, and enters it.
   * @param {Conversation} conversation
   */
  async revive(conversation) {
    const answer = await this.createRoom(conversation.name);
    if (answer.ok || answer.code === "ROOM_EXISTS") this.#enter(conversation);
    return answer;
  }

  /**
   * @param {Conversation} conversation
   * @param {string} text
   */
  say(conversation, text) {
    this.#typingTold = 0;
    return this.outgoing.send(conversation.name, text);
  }

  /** @param {Conversation} conversation */
  loadEarlier(conversation) {
    if (!conversation.earlier || conversation.loadingEarlier || !conversation.entered) return;
    conversation.loadingEarlier = true;
    const before = conversation.messages[0]?.position ?? null;
    this.#ask("history", [conversation.name, before], (answer) => {
      conversation.loadingEarlier = false;
      if (answer.ok) conversation.prepend(answer.messages, answer.earlier);
      if (answer.ok || answer.retryMs) setTimeout(() => this.#loadWanted(conversation), answer.retryMs);
    });
  }

  /** Tells the others, now and then, that the user is typing. @param {Conversation} conversation */
  type(conversation) {
    if (!conversation.entered || Date.now() - this.#typingTold < typingEveryMs) return;
    this.#typingTold = Date.now();
    this.#socket.volatile.emit("typing", conversation.name);
  }

  /** @param {Conversation} conversation */
  #loadWanted(conversation) {
    if (conversation.wantsEarlier) this.loadEarlier(conversation);
  }

  /** @param {Conversation} conversation */
  #enter(conversation) {
    if (this.status !== "online") return;
    this.#ask("join", [conversation.name, "last"], (answer) => {
      if (this.conversations.get(conversation.name) !== conversation) {
        // The user left while the answer was on its way.
        if (answer.ok) this.#ask("leave", [conversation.name], () => {});
      } else if (answer.ok && answer.room !== conversation.name) {
        // Asked for before we knew how it is written: there is another of the right name.
        this.conversations.delete(conversation.name);
        this.join(answer.room);
        this.#tell("conversations");
      } else if (answer.ok) {
        conversation.enter(/** @type {any} */ (answer));
        this.#loadWanted(conversation);
      } else if (answer.code === "NO_ANSWER" || answer.retryMs) {
        setTimeout(() => this.#enter(conversation), answer.retryMs ?? 1000);
      } else {
        conversation.end(answer.code === "NO_ROOM" ? "This room no longer exists." : answer.message);
      }
    });
  }

  /**
   * Asks the server; `then` always gets an answer, if only that there was none.
   * A callback and not a promise: answers and events are then handled in the order in which they arrived.
   * @param {string} event
   * @param {unknown[]} details
   * @param {(answer: Answer) => void} then
   */
  #ask(event, details, then) {
    const none = { ok: false, code: "NO_ANSWER", message: "The server did not answer. Try again." };
    if (!this.#socket.connected) return then(none);
    this.#socket
      .timeout(answerMs)
      .emit(event, ...details, (/** @type {Error | null} */ error, /** @type {any} */ answer) =>
        then(error ? none : { ok: !answer.error, ...answer, ...answer.error }),
      );
  }

  /** @param {Session["status"]} status */
  #setStatus(status) {
    if (this.status === status) return;
    this.status = status;
    this.#tell("status");
  }

  /**
   * @param {string} type
   * @param {unknown} [detail]
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** The room of the server that has what is said: as it is named in room.ts. @param {string} name */
const channelOf = (name) => `chat:${name.normalize("NFKC").toLowerCase()}`;
