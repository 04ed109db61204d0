/**
 * What this page knows of one room that the user is in: people, messages, and how far the user has read, which is
 * remembered when the tab is killed.
 *
 * Events (each followed by the views): `append` and `prepend` (messages), `notice` (text), `gap`, `line`, `pending`,
 * `people`, `typing`, `state`.
 */
import { browser } from "./browser-storage.js";

/** @typedef {import("../events.ts").Message} Message */
/** @typedef {import("../events.ts").Joined} Joined */
/** @typedef {import("./outgoing.js").Outgoing} Outgoing */

const typingShownMs = 4000;
const messagesMax = 600;
/** So many are loaded before anybody scrolls back. */
const messagesMin = 30;

export class Conversation extends EventTarget {
  /** @type {Set<string>} */ people = new Set();
  /** Confirmed messages, in the server's order. @type {Message[]} */ messages = [];
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */ typing = new Map();
  /** What is in the text field while another room is shown. */ draft = "";
  /** The server has told us so, on this connection. */ entered = false;
  /** It has told us at least once. */ known = false;
  /** The server has older messages than the first here. */ earlier = false;
  loadingEarlier = false;
  /** Why the room is no longer there, in words; null while it is. @type {string | null} */ gone = null;
  unread = 0;
  /** The key of the first message that was unread when the user came: a line stands above it. @type {string | null} */
  newFrom = null;
  /** What came and has no place yet, since we are not in. @type {Message[]} */ #arrived = [];
  #missed = false;
  #attended = false;
  /** Of the messages here. */ #keys = new Set();
  #readKey;
  /** The last that an earlier page has shown, until that is found; "" if the room was empty. @type {string | null} */
  #left;

  /**
   * @param {string} name
   * @param {string} me
   * @param {Outgoing} outgoing
   */
  constructor(name, me, outgoing) {
    super();
    this.name = name;
    this.me = me;
    this.outgoing = outgoing;
    this.#readKey = `read:${me}:${name}`;
    this.#left = browser.read(this.#readKey);
  }

  /** Own messages on their way, in the order of writing. */
  get pending() {
    return this.outgoing.in(this.name);
  }

  /** Older messages are wanted, whether or not somebody scrolls back: for the context, or up to where the user left. */
  get wantsEarlier() {
    const { length } = this.messages;
    return this.entered && this.earlier && length < (this.#left === null ? messagesMin : messagesMax);
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
    this.#remember();
  }

  /**
   * The server has let us in, the first time or again after a reconnect.
   * @param {Joined} joined
   */
  enter(joined) {
    const first = !this.known;
    this.gone = null;
    this.people = new Set(joined.people);
    this.entered = this.known = true;
    const { latest } = joined;
    const arrived = [...(latest?.messages ?? []), ...this.#arrived.splice(0)];
    // The server does not know where we stood: unless the latest messages reach back to ours, some may be missing.
    if (latest && !first && !latest.messages.some((message) => this.#keys.has(keyOf(message))))
      this.#missed = this.messages.length > 0;
    if (this.#missed) this.#tell("gap");
    this.#missed = false;
    if (first) this.earlier = latest?.earlier ?? true;
    this.#add(arrived, !first);
    this.#findLine();
    this.#remember();
    this.#tell("people");
    this.#tell("state");
  }

  /**
   * A message that was just said; or before, and comes because we enter: whether some are missing is told behind them.
   * @param {Message} message
   */
  receive(message) {
    this.#stopTyping(message.from);
    if (this.entered) this.#add([message], true);
    else this.#arrived.push(message);
  }

  /** What comes with the next `enter` does not follow on what is here. */
  miss() {
    this.#missed = true;
  }

  /**
   * Older messages have come.
   * @param {Message[]} messages
   * @param {boolean} earlier
   */
  prepend(messages, earlier) {
    const fresh = messages.filter((message) => !this.#keys.has(keyOf(message)));
    for (const message of fresh) this.#keys.add(keyOf(message));
    this.messages.unshift(...fresh);
    this.earlier = earlier;
    this.#tell("prepend", fresh);
    this.#findLine();
    this.#remember();
  }

  /** Lets go of the oldest messages when there are many; they can be loaded again. Returns how many went. */
  trim() {
    const surplus = this.messages.length - messagesMax;
    if (surplus <= 0) return 0;
    for (const message of this.messages.splice(0, surplus)) this.#keys.delete(keyOf(message));
    this.earlier = true;
    return surplus;
  }

  /** Something of ours is on its way, or is no longer. */
  showPending() {
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
    this.#tell("people");
    this.#tell("state");
  }

  /**
   * @param {Message[]} messages
   * @param {boolean} news Whether they count as unread.
   */
  #add(messages, news) {
    const fresh = messages.filter((message) => !this.#keys.has(keyOf(message)));
    if (fresh.length === 0) return;
    const unreadBefore = this.unread;
    for (const message of fresh) {
      const key = keyOf(message);
      this.#keys.add(key);
      this.messages.push(message);
      if (news && !this.#attended && message.from !== this.me && this.unread++ === 0) this.newFrom = key;
    }
    this.#tell("append", fresh);
    for (const { from, id } of fresh) if (from === this.me) this.outgoing.remove(id);
    if (this.unread !== unreadBefore) this.#tell("state");
    this.#remember();
  }

  /** What follows the last that an earlier page has shown is unread: once that is here, or will not come. */
  #findLine() {
    const at = this.messages.findIndex((message) => keyOf(message) === this.#left);
    if (this.#left === null || (at < 0 && this.wantsEarlier)) return;
    this.#left = null;
    const unread = this.messages.slice(at + 1).filter(({ from }) => from !== this.me);
    if (!unread[0]) return;
    this.newFrom = keyOf(unread[0]);
    if (!this.#attended) this.unread = unread.length;
    this.#tell("line");
    this.#tell("state");
  }

  /** How far the user has read; at the first visit, all there is. */
  #remember() {
    if (!this.known || this.#left !== null) return;
    if (!this.#attended && browser.read(this.#readKey) !== null) return;
    const last = this.messages.at(-1);
    browser.write(this.#readKey, last ? keyOf(last) : "");
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

/** Positions will not do: one message may come with two. @param {Pick<Message, "from" | "id">} message */
export const keyOf = ({ from, id }) => `${from} ${id}`;
