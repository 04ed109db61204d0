/** What the views of the page have in common. */
import { byId, make } from "./elements.js";

/**
 * Makes `list` show `items`: keeps the nodes of those already there, so that focus and scrolling survive.
 * @template Item
 * @param {HTMLElement} list
 * @param {Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => HTMLElement} create
 * @param {(node: HTMLElement, item: Item) => void} update
 */
export function reconcile(list, items, keyOf, create, update) {
  const focused = document.activeElement;
  const old = new Map(
    [...list.children].map((child) => [child.getAttribute("data-key"), /** @type {HTMLElement} */ (child)]),
  );
  let place = list.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let node = old.get(key);
    old.delete(key);
    if (!node) {
      node = create(item);
      node.setAttribute("data-key", key);
    }
    update(node, item);
    if (node === place) place = place.nextElementSibling;
    else list.insertBefore(node, place);
  }
  for (const node of old.values()) node.remove();
  // A node that was moved has lost the focus.
  if (focused instanceof HTMLElement && focused.isConnected && document.activeElement !== focused)
    focused.focus();
}

/**
 * A disc with the first letter of a name, in a colour that belongs to the name.
 * @param {string} name
 */
export function avatar(name) {
  const disc = make("span", { class: "avatar", "aria-hidden": "true" }, initialOf(name));
  tint(disc, name);
  return disc;
}

/**
 * Gives an element the colour of a name (`--hue` in style.css).
 * @param {HTMLElement} node
 * @param {string} name
 */
export function tint(node, name) {
  let hash = 7;
  for (const letter of name) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 9973;
  node.style.setProperty("--hue", String((hash * 137) % 360));
}

/** @param {string} name */
function initialOf(name) {
  if (!("Segmenter" in Intl)) return [...name][0] ?? "";
  for (const { segment } of new Intl.Segmenter().segment(name)) return segment.toUpperCase();
  return "";
}

/** @type {ReturnType<typeof setTimeout>} */ let notified;

/**
 * Says something to everyone, for a few seconds.
 * @param {string} text
 */
export function notify(text) {
  const toast = byId("toast");
  toast.textContent = text;
  clearTimeout(notified);
  notified = setTimeout(() => toast.replaceChildren(), 6000);
}

/**
 * Says something to screen readers without showing it.
 * @param {string} text
 */
export function announce(text) {
  byId("announcer").textContent = text;
}
