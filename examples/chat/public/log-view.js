/** The messages of one conversation: the confirmed ones, and below them our own that are on their way. */
import { keyOf } from "./conversation.js";
import { avatar, reconcile, tint } from "./dom.js";
import { make } from "./elements.js";
import { countText, dayText, midnight, timeText } from "./format.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {import("./outgoing.js").Pending} Pending */
/** @typedef {import("../events.ts").Message} Message */

const sameBreathMs = 5 * 60_000;
const nearPx = 60;
const noticesMax = 100;

export class LogView {
  /** New messages that wait below what is shown. */ below = 0;
  #stuckToEnd = true;
  #scrollTop = 0;
  #list = make("ol", { class: "messages" });
  #log = make("div", { role: "log", "aria-live": "polite" }, this.#list);
  #pending = make("ol", { class: "messages pending" });
  #top = make("div", { class: "log-top" });
  #earlierButton = make("button", { type: "button", class: "quiet" }, "Load earlier messages");
  #newLine = make("li", { class: "line new-line" }, make("span", {}, "New"));

  /**
   * @param {Conversation} conversation
   * @param {{ loadEarlier: () => void, retry: (entry: Pending) => void, discard: (entry: Pending) => void, onBelow: () => void }} actions
   */
  constructor(conversation, actions) {
    this.conversation = conversation;
    this.actions = actions;
    this.#log.setAttribute("aria-label", `Messages in ${conversation.name}`);
    this.#pending.setAttribute("aria-label", "Messages on their way");
    // Scrolls by keyboard too, so it takes the focus.
    this.element = make("div", { class: "scroller", tabindex: "0", role: "region", hidden: true });
    this.element.setAttribute("aria-label", `${conversation.name}, all messages`);
    this.element.append(this.#top, this.#log, this.#pending);
    this.#earlierButton.addEventListener("click", () => actions.loadEarlier());
    this.element.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    // The keyboard of a phone, or a growing text field, takes room away: the end stays in view.
    this.resizes = new ResizeObserver(() => this.#stuckToEnd && this.#toEnd());
    this.resizes.observe(this.element);

    this.#on("append", (messages) => this.#append(messages));
    this.#on("prepend", (messages) => this.#prepend(messages));
    this.#on("pending", () => this.#showPending());
    this.#on("notice", (text) => this.#add(make("li", { class: "notice", dir: "auto" }, text)));
    this.#on("line", () => {
      this.#drawLine();
      this.#showLine();
    });
    this.#on("gap", () => this.#add(line("gap-line", "Some messages were not kept and are missing here")));
    this.#on("state", () => this.#showTop());
    this.#append(conversation.messages);
    this.#showPending();
    this.#showTop();
  }

  /** @param {boolean} shown */
  show(shown) {
    if (this.element.hidden === !shown) return;
    if (!shown) {
      this.#scrollTop = this.element.scrollTop;
      this.#dropLine();
    }
    this.element.hidden = !shown;
    if (!shown) return;
    if (this.#newLine.isConnected) this.#showLine();
    else if (this.#stuckToEnd) this.#toEnd();
    else this.element.scrollTop = this.#scrollTop;
  }

  /** Shows the newest messages. */
  toEnd() {
    this.#dropLine();
    this.#toEnd();
  }

  remove() {
    this.resizes.disconnect();
    this.element.remove();
  }

  /**
   * @param {string} type
   * @param {(detail: any) => void} listener
   */
  #on(type, listener) {
    this.conversation.addEventListener(type, (event) => listener(/** @type {CustomEvent} */ (event).detail));
  }

  /** @param {Message[]} messages */
  #append(messages) {
    const { me, attended } = this.conversation;
    const theirs = messages.filter(({ from }) => from !== me).length;
    for (const message of messages) {
      const item = this.#render(message);
      this.#list.append(item);
      this.#group(item);
    }
    if (!attended) this.#drawLine();
    this.#showTop();
    if (this.#stuckToEnd) {
      this.#trim();
      this.#toEnd();
    } else if (theirs > 0) {
      this.below += theirs;
      this.actions.onBelow();
    }
  }

  /** @param {Message[]} messages */
  #prepend(messages) {
    const { element } = this;
    const fromEnd = element.scrollHeight - element.scrollTop;
    // What is old is not announced.
    this.#log.setAttribute("aria-live", "off");
    const next = this.#list.firstElementChild;
    this.#list.prepend(...messages.map((message) => this.#render(message)));
    for (const item of [...this.#list.children].slice(0, messages.length)) this.#group(item);
    if (next) this.#group(next);
    this.#showTop();
    element.scrollTop = element.scrollHeight - fromEnd;
    setTimeout(() => this.#log.setAttribute("aria-live", "polite"), 500);
  }

  /** The line stands above the first of what came while nobody looked: in this page, or after an earlier one. */
  #drawLine() {
    const { newFrom } = this.conversation;
    const isFirst = (/** @type {Element} */ item) => item.getAttribute("data-message") === newFrom;
    if (newFrom === null || (this.#newLine.nextElementSibling && isFirst(this.#newLine.nextElementSibling)))
      return;
    const below = [...this.#list.children].find(isFirst);
    if (!below) return;
    this.#removeLine();
    below.before(this.#newLine);
    this.#group(below);
  }

  #showLine() {
    if (this.element.hidden) return;
    this.#newLine.scrollIntoView({ block: "center" });
    this.#stuckToEnd = this.#isAtEnd();
  }

  #dropLine() {
    this.conversation.newFrom = null;
    this.#removeLine();
  }

  #removeLine() {
    const below = this.#newLine.nextElementSibling;
    this.#newLine.remove();
    if (below) this.#group(below);
  }

  #showPending() {
    const { me, pending } = this.conversation;
    const above = this.#list.lastElementChild;
    const grew = pending.length > this.#pending.childElementCount;
    // A node stays as long as its state: what is not new is not read out again, and a button keeps the focus.
    const keyOf = (/** @type {Pending} */ { id, state, reason }) => `${id} ${state} ${reason}`;
    reconcile(
      this.#pending,
      pending,
      keyOf,
      (entry) => this.#renderPending(entry),
      (node, entry) => {
        node.toggleAttribute("data-continued", entry !== pending[0] || continues(above, me, entry.time));
      },
    );
    if (grew || this.#stuckToEnd) this.#toEnd();
  }

  /** @param {Pending} entry */
  #renderPending(entry) {
    const { id, text, time, state, reason } = entry;
    const node = this.#render({ from: this.conversation.me, text, time, position: id, id });
    node.setAttribute("data-state", state);
    const words = {
      waiting: "Waiting for the connection",
      sending: "Sending…",
      failed: reason,
    };
    const status = make("p", { class: "message-status" }, words[state]);
    if (state === "failed") {
      const again = make("button", { type: "button" }, "Try again");
      again.addEventListener("click", () => this.actions.retry(entry));
      const discard = make("button", { type: "button" }, "Discard");
      discard.addEventListener("click", () => this.actions.discard(entry));
      status.setAttribute("role", "alert");
      status.append(" ", again, " ", discard);
    }
    node.lastElementChild?.append(status);
    return node;
  }

  /**
   * Text goes in as text, whatever it looks like.
   * @param {Pick<Message, "from" | "text" | "time" | "position" | "id">} message
   */
  #render({ from, text, time, position, id }) {
    const author = make("span", { class: "author", dir: "auto" }, from);
    const clock = make("time", { datetime: new Date(time).toISOString() }, timeText(time));
    const item = make("li", {
      class: "message",
      "data-position": position,
      "data-message": keyOf({ from, id }),
      "data-from": from,
      "data-time": String(time),
    });
    item.toggleAttribute("data-mine", from === this.conversation.me);
    tint(item, from);
    item.append(
      avatar(from),
      make(
        "div",
        { class: "words" },
        make("p", { class: "byline" }, author, " ", clock),
        make("p", { class: "text", dir: "auto" }, text),
      ),
    );
    return item;
  }

  /**
   * Joins a message to the one above it, or begins a new day.
   * @param {Element} item
   */
  #group(item) {
    if (!item.classList.contains("message")) return;
    const time = Number(item.getAttribute("data-time"));
    const from = item.getAttribute("data-from") ?? "";
    // The line above what is new belongs to the message, below the line of its day.
    const top = item.previousElementSibling === this.#newLine ? this.#newLine : item;
    if (top.previousElementSibling?.classList.contains("day-line")) top.previousElementSibling.remove();
    const above = top.previousElementSibling;
    let earlier = above;
    while (earlier && !earlier.classList.contains("message")) earlier = earlier.previousElementSibling;
    const newDay = !earlier || midnight(Number(earlier.getAttribute("data-time"))) !== midnight(time);
    if (newDay) top.before(line("day-line", dayText(time)));
    item.toggleAttribute("data-continued", !newDay && top === item && continues(above, from, time));
  }

  /** @param {HTMLElement} item A notice, or a line across. */
  #add(item) {
    this.#list.append(item);
    const notices = this.#list.getElementsByClassName("notice");
    if (notices.length > noticesMax) notices[0]?.remove();
    if (this.#stuckToEnd) this.#toEnd();
  }

  #trim() {
    let surplus = this.conversation.trim();
    if (surplus === 0) return;
    while (surplus > 0) {
      const first = this.#list.firstElementChild;
      if (!first) return;
      if (first.classList.contains("message")) surplus--;
      first.remove();
    }
    const first = this.#list.firstElementChild;
    if (first) this.#group(first);
  }

  #showTop() {
    const { known, earlier, messages, name, gone } = this.conversation;
    if (earlier) {
      if (!this.#earlierButton.isConnected) this.#top.replaceChildren(this.#earlierButton);
      return;
    }
    const words = !known
      ? gone
        ? ""
        : `Entering ${name}…`
      : messages.length === 0
        ? `Nothing has been said in ${name} yet. Say hello!`
        : `This is where ${name} begins.`;
    const welcome = make("p", { class: messages.length === 0 ? "empty" : "beginning", dir: "auto" }, words);
    if (this.#top.textContent !== words) this.#top.replaceChildren(welcome);
    this.#top.classList.toggle("is-empty", messages.length === 0);
  }

  #onScroll() {
    const { element } = this;
    if (element.hidden) return;
    this.#stuckToEnd = this.#isAtEnd();
    if (this.#stuckToEnd && this.below > 0) {
      this.below = 0;
      this.actions.onBelow();
    }
    if (element.scrollTop < nearPx && this.conversation.earlier) this.actions.loadEarlier();
  }

  #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight < nearPx;
  }

  #toEnd() {
    this.#stuckToEnd = true;
    this.element.scrollTop = this.element.scrollHeight;
    if (this.below > 0) {
      this.below = 0;
      this.actions.onBelow();
    }
  }
}

/**
 * Whether a message belongs to the same breath as what stands above it.
 * @param {Element | null} above
 * @param {string} from
 * @param {number} time
 */
function continues(above, from, time) {
  if (!above?.classList.contains("message") || above.getAttribute("data-from") !== from) return false;
  return Math.abs(time - Number(above.getAttribute("data-time"))) < sameBreathMs;
}

/**
 * @param {string} kind
 * @param {string} text
 */
const line = (kind, text) => make("li", { class: `line ${kind}` }, make("span", {}, text));

/** @param {number} count */
export const belowText = (count) => `${countText(count, "new message", "new messages")} ↓`;
