/**
 * What this page knows of one room that the user is in: people, messages, and what is on its way.
 *
 * Events (each followed by the views): `append` and `prepend` (messages), `notice` (text), `gap`, `pending`,
 * `people`, `typing`, `state`.
 */

/** @typedef {import("../events.ts").Message} Message */
/** @typedef {import("../events.ts").Joined} Joined */
/**
 * A message of our own that the server has not confirmed.
 * @typedef {{ id: string, text: string, time: number, state: "waiting" | "sending" | "failed", reason: string }} Pending
 */

const typingShownMs = 4000;
const messagesMax = 600;

export class Conversation extends EventTarget {
  /** @type {Set<string>} */ people = new Set();
  /** Confirmed messages, in the server's order. @type {Message[]} */ messages = [];
  /** Own messages on their way, in the order of writing. @type {Pending[]} */ pending = [];
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */ typing = new Map();
  /** What is in the text field while another room is shown. */ draft = "";
  /** The server has told us so, on this connection. */ entered = false;
  /** It has told us at least once. */ known = false;
  /** The server has older messages than the first here. */ earlier = false;
  loadingEarlier = false;
  /** Why the room is no longer there, in words; null while it is. @type {string | null} */ gone = null;
  unread = 0;
  #attended = false;
  /** Of the messages here. */ #ids = new Set();

  /**
   * @param {string} name
   * @param {string} me
   */
  constructor(name, me) {
    super();
    this.name = name;
    this.me = me;
  }

  /** Where reading stands: what a reconnect asks from. */
  get lastPosition() {
    return this.messages.at(-1)?.position ?? null;
  }

  /** Whether somebody is looking: what arrives then is read. */
  get attended() {
    return this.#attended;
  }
  set attended(attended) {
    this.#attended = attended;
    if (attended && this.unread > 0) {
      this.unread = 0;
      this.#tell("state");
    }
  }

  /**
   * The server has let us in, the first time or again after a reconnect.
   * @param {Joined} joined
   */
  enter(joined) {
    this.gone = null;
    this.people = new Set(joined.people);
    if (!this.known) this.earlier = joined.earlier;
    this.entered = this.known = true;
    this.#tell("people");
    this.#tell("state");
  }

  /** A message that was just said; or before, and comes because we enter. @param {Message} message */
  receive(message) {
    this.#stopTyping(message.from);
    this.#add([message], this.known);
  }

  /** What comes next does not follow on what is here. */
  miss() {
    if (this.messages.length > 0) this.#tell("gap");
  }

  /**
   * Older messages have come.
   * @param {Message[]} messages
   * @param {boolean} earlier
   */
  prepend(messages, earlier) {
    const fresh = messages.filter((message) => !this.#ids.has(idOf(message)));
    for (const message of fresh) this.#ids.add(idOf(message));
    this.messages.unshift(...fresh);
    this.earlier = earlier;
    this.#tell("prepend", fresh);
  }

  /** Lets go of the oldest messages when there are many; they can be loaded again. Returns how many went. */
  trim() {
    const surplus = this.messages.length - messagesMax;
    if (surplus <= 0) return 0;
    for (const message of this.messages.splice(0, surplus)) this.#ids.delete(idOf(message));
    this.earlier = true;
    return surplus;
  }

  /** @param {Pending} entry */
  write(entry) {
    this.pending.push(entry);
    this.#tell("pending");
  }

  /**
   * @param {Pending} entry
   * @param {Pending["state"]} state
   * @param {string} [reason]
   */
  mark(entry, state, reason = "") {
    entry.state = state;
    entry.reason = reason;
    this.#tell("pending");
  }

  /** @param {Pending} entry */
  discard(entry) {
    this.pending = this.pending.filter((other) => other !== entry);
    this.#tell("pending");
  }

  /**
   * @param {string} name
   * @param {boolean} here
   */
  setPresence(name, here) {
    if (here === this.people.has(name)) return;
    if (here) this.people.add(name);
    else this.people.delete(name);
    this.#stopTyping(name);
    this.#tell("people");
    this.#tell("notice", `${name} ${here ? "joined" : "left"}`);
  }

  /** @param {string} name */
  setTyping(name) {
    clearTimeout(this.typing.get(name));
    this.typing.set(
      name,
      setTimeout(() => this.#stopTyping(name), typingShownMs),
    );
    this.#tell("typing");
  }

  /** The connection is gone: nothing of the room is certain until `enter`. */
  suspend() {
    this.entered = false;
    for (const name of [...this.typing.keys()]) this.#stopTyping(name);
    this.#tell("state");
  }

  /** @param {string} why */
  end(why) {
    this.entered = false;
    this.gone = why;
    this.people = new Set();
    for (const entry of this.pending) this.mark(entry, "failed", "The room is gone.");
    this.#tell("people");
    this.#tell("state");
  }

  /**
   * @param {Message[]} messages
   * @param {boolean} news Whether they count as unread.
   */
  #add(messages, news) {
    const fresh = messages.filter((message) => !this.#ids.has(idOf(message)));
    if (fresh.length === 0) return;
    let confirmed = false;
    const unreadBefore = this.unread;
    for (const message of fresh) {
      this.#ids.add(idOf(message));
      this.messages.push(message);
      if (message.from !== this.me) {
        if (news && !this.#attended) this.unread++;
        continue;
      }
      const left = this.pending.filter((entry) => entry.id !== message.id);
      confirmed ||= left.length < this.pending.length;
      this.pending = left;
    }
    this.#tell("append", fresh);
    if (confirmed) this.#tell("pending");
    if (this.unread !== unreadBefore) this.#tell("state");
  }

  /** @param {string} name */
  #stopTyping(name) {
    clearTimeout(this.typing.get(name));
    if (this.typing.delete(name)) this.#tell("typing");
  }

  /**
   * @param {string} type
   * @param {unknown} [detail]
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Positions will not do: one message may come with two. @param {Message} message */
const idOf = ({ from, id }) => `${from} ${id}`;
