/** Who is in the room that is shown: a column on a wide window, a sheet on a narrow one. */
import { avatar, reconcile } from "./dom.js";
import { byId, make } from "./elements.js";
import { countText } from "./format.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */

const shownMax = 200;

const chat = byId("chat");
const list = byId("people-list");
const more = byId("people-more");
const toggle = byId("people-toggle");

export function setUpPeople() {
  toggle.addEventListener("click", () => setOpen(!chat.hasAttribute("data-people-open")));
  byId("people-close").addEventListener("click", () => setOpen(false));
  byId("people").addEventListener("keydown", (event) => {
    if (event.key === "Escape") setOpen(false);
  });
}

/** @param {boolean} open */
function setOpen(open) {
  chat.toggleAttribute("data-people-open", open);
  toggle.setAttribute("aria-expanded", String(open));
  if (open) byId("people-title").focus();
  else toggle.focus();
}

export function closePeople() {
  chat.removeAttribute("data-people-open");
  toggle.setAttribute("aria-expanded", "false");
}

/** @param {Conversation | null} conversation */
export function showPeople(conversation) {
  const people = conversation ? [...conversation.people] : [];
  const me = conversation?.me;
  // Ourselves first, the others by name.
  people.sort((a, b) => Number(b === me) - Number(a === me) || a.localeCompare(b));
  reconcile(
    list,
    people.slice(0, shownMax),
    (name) => name,
    (name) => createPerson(name, name === me),
    () => {},
  );
  more.hidden = people.length <= shownMax;
  more.textContent = `and ${people.length - shownMax} more`;
  toggle.hidden = !conversation || conversation.gone !== null || !conversation.known;
  byId("people-count").textContent = people.length > 0 ? String(people.length) : "";
  toggle.textContent = `${countText(people.length, "person", "people")} here`;
}

/**
 * @param {string} name
 * @param {boolean} isMe
 */
function createPerson(name, isMe) {
  const item = make("li", {}, avatar(name), make("span", { class: "person-name", dir: "auto" }, name));
  if (isMe) item.append(make("span", { class: "you" }, "you"));
  return item;
}
