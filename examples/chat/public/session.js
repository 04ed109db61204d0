/**
 * The user's presence on the server: the connection, the rooms there are, and the conversations the user is in.
 *
 * After a reconnect it enters every room again, asks for what was missed, and sends what was written meanwhile.
 * A message carries an id of its own, so sending it twice after a lost answer does no harm.
 *
 * Events: `status`, `rooms`, `conversations`, and `refused` (detail: the reason in words).
 */
import { randomId } from "./browser-storage.js";
import { Conversation } from "./conversation.js";

/** @typedef {import("../events.ts").RoomSummary} RoomSummary */
/** @typedef {import("../events.ts").Limits} Limits */
/** @typedef {import("./conversation.js").Pending} Pending */
/** @typedef {{ ok: boolean, code?: string, message?: any, retryAfterMs?: number, [field: string]: any }} Answer */

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
   * @param {(options: object) => any} io The Socket.IO client.
   * @param {string} name
   * @param {string} key
   */
  constructor(io, name, key) {
    super();
    this.name = name;
    const socket = io({
      auth: { name, key },
      forceNew: true,
      reconnectionDelay: 500,
      reconnectionDelayMax: 5000,
    });
    this.#socket = socket;

    socket.on("welcome", (/** @type {{ name: string, rooms: RoomSummary[], limits: Limits }} */ welcome) => {
      this.name = welcome.name;
      this.limits = welcome.limits;
      this.rooms = new Map(welcome.rooms.map((room) => [room.name, room]));
      this.#setStatus("online");
      this.#tell("rooms");
      for (const conversation of this.conversations.values()) this.#enter(conversation);
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
    socket.on("gap", (/** @type {string} */ room) => this.conversations.get(room)?.miss());
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
    const known = [...this.rooms.keys()].find((other) => other.toLowerCase() === name.toLowerCase()) ?? name;
    let conversation = this.conversations.get(known);
    if (!conversation) {
      conversation = new Conversation(known, this.name);
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
   * Shows a message as pending and sends it when its turn comes.
   * @param {Conversation} conversation
   * @param {string} text
   */
  say(conversation, text) {
    conversation.write({ id: randomId(), text, time: Date.now(), state: "waiting", reason: "" });
    this.#typingTold = 0;
    this.#flush(conversation);
  }

  /**
   * @param {Conversation} conversation
   * @param {Pending} entry
   */
  retry(conversation, entry) {
    conversation.mark(entry, "waiting");
    this.#flush(conversation);
  }

  /** @param {Conversation} conversation */
  loadEarlier(conversation) {
    const first = conversation.messages[0];
    if (!first || !conversation.earlier || conversation.loadingEarlier || !conversation.entered) return;
    conversation.loadingEarlier = true;
    this.#ask("history", [conversation.name, first.position], (answer) => {
      conversation.loadingEarlier = false;
      if (answer.ok) conversation.prepend(answer.messages, answer.earlier);
    });
  }

  /** Tells the others, now and then, that the user is typing. @param {Conversation} conversation */
  type(conversation) {
    if (!conversation.entered || Date.now() - this.#typingTold < typingEveryMs) return;
    this.#typingTold = Date.now();
    this.#socket.volatile.emit("typing", conversation.name);
  }

  /** @param {Conversation} conversation */
  #enter(conversation) {
    if (this.status !== "online") return;
    this.#ask("join", [conversation.name, conversation.lastPosition], (answer) => {
      if (this.conversations.get(conversation.name) !== conversation) {
        // The user left while the answer was on its way.
        if (answer.ok) this.#ask("leave", [conversation.name], () => {});
      } else if (answer.ok) {
        conversation.enter(/** @type {any} */ (answer));
        this.#flush(conversation);
      } else if (answer.code === "NO_ANSWER" || answer.code === "TOO_FAST") {
        setTimeout(() => this.#enter(conversation), answer.retryAfterMs ?? 1000);
      } else {
        conversation.end(answer.code === "NO_ROOM" ? "This room no longer exists." : answer.message);
      }
    });
  }

  /**
   * Sends the first waiting message. One at a time, so that they arrive in the order of writing.
   * @param {Conversation} conversation
   */
  #flush(conversation) {
    const next = conversation.pending.find((entry) => entry.state !== "failed");
    if (!next || next.state === "sending" || !conversation.entered) return;
    conversation.mark(next, "sending");
    this.#ask("say", [{ room: conversation.name, id: next.id, text: next.text }], (answer) => {
      if (answer.ok) {
        conversation.receive(answer.message);
      } else if (answer.code === "TOO_FAST") {
        setTimeout(() => this.retry(conversation, next), answer.retryAfterMs);
        return;
      } else if (answer.code === "NO_ANSWER") {
        conversation.mark(next, "waiting");
      } else {
        conversation.mark(next, "failed", answer.message);
      }
      this.#flush(conversation);
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
      .emit(event, ...details, (/** @type {Error | null} */ error, /** @type {Answer} */ answer) =>
        then(error ? none : answer),
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
