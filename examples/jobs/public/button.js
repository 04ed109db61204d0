import { make } from "./elements.js";

/**
 * A button that does something.
 * @param {string} text
 * @param {() => void} act
 * @param {string} [className]
 */
export function button(text, act, className = "quiet") {
  const node = make("button", { type: "button", class: className }, text);
  node.addEventListener("click", act);
  return node;
}
