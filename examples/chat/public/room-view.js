/** The middle of the page: the room that is shown, and the field to write in. */
import { notify } from "./dom.js";
import { byId, make } from "./elements.js";
import { typingText } from "./format.js";
import { belowText, LogView } from "./log-view.js";
import { showPeople } from "./people-view.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("./conversation.js").Conversation} Conversation */

const composer = /** @type {HTMLTextAreaElement} */ (byId("composer"));
const title = byId("room-title");
const remaining = byId("remaining");
const remainingShownFrom = 200;

export class RoomView {
  /** @type {Conversation | null} */ current = null;
  /** @type {Map<Conversation, LogView>} */ #logs = new Map();

  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    session.addEventListener("conversations", () => this.#follow());
    session.addEventListener("rooms", () => this.#showHeader());
    session.addEventListener("status", () => this.#showHeader());
    byId("latest").onclick = () => {
      this.#log?.toEnd();
      composer.focus();
    };
    byId("composer-form").onsubmit = (event) => {
      event.preventDefault();
      this.#send();
      composer.focus();
    };
    composer.oninput = () => {
      this.#fit();
      if (this.current && composer.value.trim()) session.type(this.current);
    };
    composer.onkeydown = (event) => {
      // While an input method composes a character, Enter belongs to it.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    };
    byId("gone-create").onclick = async () => {
      if (!this.current) return;
      const answer = await session.revive(this.current);
      if (!answer.ok) notify(answer.message);
      composer.focus();
    };
  }

  /** @param {Conversation | null} conversation */
  show(conversation) {
    if (conversation === this.current) return;
    if (this.current) {
      this.current.draft = composer.value;
      this.current.attended = false;
      this.#log?.show(false);
    }
    this.current = conversation;
    composer.value = conversation?.draft ?? "";
    byId("nowhere").hidden = conversation !== null;
    byId("logs").hidden = conversation === null;
    this.#log?.show(true);
    this.attend();
    this.#showHeader();
    this.#showTyping();
    this.#showBelow();
    this.#fit();
  }

  /** What is shown in a window that is looked at counts as read. */
  attend() {
    if (this.current) this.current.attended = document.visibilityState === "visible";
  }

  /** Puts the focus where work goes on: the text field, or on a touch screen (no surprise keyboard) the title. */
  focus() {
    if (matchMedia("(pointer: coarse)").matches || composer.disabled) title.focus();
    else composer.focus();
  }

  get #log() {
    return this.current ? this.#logs.get(this.current) : undefined;
  }

  /** Every conversation has its log, so that nothing is built anew when the user moves between rooms. */
  #follow() {
    const open = new Set(this.session.conversations.values());
    for (const [conversation, log] of this.#logs) {
      if (open.has(conversation)) continue;
      log.remove();
      this.#logs.delete(conversation);
    }
    for (const conversation of open) {
      if (this.#logs.has(conversation)) continue;
      const log = new LogView(conversation, {
        loadEarlier: () => this.session.loadEarlier(conversation),
        // The buttons go away with the state they stand for, and the focus must not.
        retry: (entry) => {
          this.session.outgoing.retry(entry);
          this.focus();
        },
        discard: (entry) => {
          this.session.outgoing.remove(entry.id);
          this.focus();
        },
        onBelow: () => this.#showBelow(),
      });
      this.#logs.set(conversation, log);
      byId("logs").append(log.element);
      const whenShown = (/** @type {() => void} */ then) => () => conversation === this.current && then();
      conversation.addEventListener(
        "people",
        whenShown(() => this.#showHeader()),
      );
      conversation.addEventListener(
        "state",
        whenShown(() => this.#showHeader()),
      );
      conversation.addEventListener(
        "typing",
        whenShown(() => this.#showTyping()),
      );
    }
  }

  #showHeader() {
    const conversation = this.current;
    const room = conversation ? this.session.rooms.get(conversation.name) : undefined;
    if (title.textContent !== (conversation?.name ?? "")) title.textContent = conversation?.name ?? "";
    showPeople(conversation);
    const online = this.session.status === "online";
    const wasWriting = document.activeElement === composer;
    byId("leave-room").hidden = !conversation || conversation.gone !== null;
    // The server has the last word; this is whom it would let.
    const mayDelete =
      room?.creator === this.session.name || (room?.creator && conversation?.people.size === 1);
    byId("delete-room").hidden = !online || !mayDelete || conversation?.gone !== null;
    byId("gone").hidden = !conversation?.gone;
    byId("gone-text").textContent = conversation?.gone ?? "";
    byId("composer-form").hidden = !conversation || conversation.gone !== null;
    composer.disabled = !conversation || conversation.gone !== null;
    if (wasWriting && conversation?.gone) byId("gone-create").focus();
    byId("composer-label").textContent = `Message to ${conversation?.name ?? "nobody"}`;
    composer.placeholder = `Message ${conversation?.name ?? ""}`;
    if (this.session.limits) composer.maxLength = this.session.limits.textLength;
  }

  #showTyping() {
    byId("typing").textContent = typingText([...(this.current?.typing.keys() ?? [])]);
  }

  #showBelow() {
    const below = this.#log?.below ?? 0;
    byId("latest").hidden = below === 0;
    if (below > 0) byId("latest").replaceChildren(make("span", {}, belowText(below)));
  }

  #send() {
    const text = composer.value.trimEnd();
    if (!this.current || !text.trim()) return;
    composer.value = "";
    this.#fit();
    this.#log?.toEnd();
    this.session.say(this.current, text);
  }

  /** As high as its text, up to the limit in style.css; and says when the text gets long. */
  #fit() {
    composer.style.height = "auto";
    composer.style.height = `${composer.scrollHeight + 2}px`;
    const left = composer.maxLength - composer.value.length;
    const words = composer.maxLength > 0 && left < remainingShownFrom ? `${left} left` : "";
    if (remaining.textContent !== words) remaining.textContent = words;
  }
}
