/** The list of rooms, and the form that makes one. */
import { avatar, reconcile } from "./dom.js";
import { byId, make } from "./elements.js";
import { countText } from "./format.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {{ name: string, people: number, unread: number, gone: boolean, current: boolean }} Row */

const filterFrom = 8;
const shownMax = 200;

const filter = /** @type {HTMLInputElement} */ (byId("room-filter"));
const newRoom = /** @type {HTMLFormElement} */ (byId("new-room"));
const newRoomName = /** @type {HTMLInputElement} */ (byId("new-room-name"));
const newRoomError = byId("new-room-error");

/** The address of a room within the page. @param {string} name */
export const addressOf = (name) => `#/${encodeURIComponent(name)}`;

export class RoomsView {
  /**
   * @param {Session} session
   * @param {(name: string) => void} onCreated
   */
  constructor(session, onCreated) {
    this.session = session;
    /** The room that is shown. @type {string | null} */
    this.current = null;
    const update = () => this.update();
    session.addEventListener("rooms", update);
    session.addEventListener("conversations", update);
    filter.oninput = update;
    newRoomName.oninput = () => explain("");
    newRoom.onsubmit = async (event) => {
      event.preventDefault();
      if (!newRoomName.value.trim()) return explain("Write a name for the room first.");
      const answer = await session.createRoom(newRoomName.value);
      if (!answer.ok) return explain(answer.message);
      newRoom.reset();
      filter.value = "";
      onCreated(answer.room);
    };
    byId("me-avatar").replaceChildren(avatar(session.name));
    byId("me-name").textContent = session.name;
  }

  update() {
    const { rooms, conversations } = this.session;
    filter.parentElement?.toggleAttribute("hidden", rooms.size < filterFrom && !filter.value);
    const wanted = filter.value.trim().toLowerCase();
    const isWanted = (/** @type {string} */ name) => name.toLowerCase().includes(wanted);

    const joined = [...conversations.values()].filter(({ name }) => isWanted(name));
    this.#show(
      byId("joined-rooms"),
      joined.map(({ name, unread, gone }) => {
        return {
          name,
          unread,
          gone: gone !== null,
          people: rooms.get(name)?.people ?? 0,
          current: name === this.current,
        };
      }),
    );
    const others = [...rooms.values()]
      .filter(({ name }) => !conversations.has(name) && isWanted(name))
      .sort((a, b) => b.people - a.people || a.name.localeCompare(b.name));
    this.#show(
      byId("other-rooms"),
      others
        .slice(0, shownMax)
        .map(({ name, people }) => ({ name, people, unread: 0, gone: false, current: false })),
    );
    byId("joined-empty").hidden = conversations.size > 0;
    byId("joined-title").hidden = joined.length === 0 && wanted !== "";
    const empty = byId("other-empty");
    empty.hidden = others.length > 0 || rooms.size === 0;
    empty.textContent = wanted
      ? "No other room has this in its name."
      : "There are no others. Make one below.";
  }

  /**
   * @param {HTMLElement} list
   * @param {Row[]} rows
   */
  #show(list, rows) {
    reconcile(list, rows, (row) => row.name, createRow, updateRow);
  }
}

/** @param {Row} row */
function createRow(row) {
  const link = make("a", { href: addressOf(row.name) });
  link.append(
    make("span", { class: "room-name", dir: "auto" }, row.name),
    make("span", { class: "room-people", "aria-hidden": "true" }),
    make("span", { class: "room-unread", "aria-hidden": "true" }),
    make("span", { class: "room-words sr-only" }),
  );
  return make("li", {}, link);
}

/**
 * @param {HTMLElement} item
 * @param {Row} row
 */
function updateRow(item, row) {
  const link = /** @type {HTMLAnchorElement} */ (item.firstElementChild);
  const [, people, unread, words] = /** @type {HTMLElement[]} */ ([...link.children]);
  if (row.current) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
  link.toggleAttribute("data-unread", row.unread > 0);
  link.toggleAttribute("data-gone", row.gone);
  const here = row.gone ? "deleted" : countText(row.people, "person", "people");
  setText(people, row.gone ? "deleted" : row.people > 0 ? String(row.people) : "");
  setText(unread, row.unread > 99 ? "99+" : row.unread > 0 ? String(row.unread) : "");
  setText(words, row.unread > 0 ? `, ${row.unread} unread, ${here}` : `, ${here}`);
}

/**
 * @param {HTMLElement | undefined} node
 * @param {string} text
 */
function setText(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}

/** @param {string} reason */
function explain(reason) {
  newRoomError.textContent = reason;
  if (!reason) return newRoomName.removeAttribute("aria-invalid");
  newRoomName.setAttribute("aria-invalid", "true");
  newRoomName.focus();
}
