/** The door: choose a name. */
import { byId } from "./elements.js";

const form = /** @type {HTMLFormElement} */ (byId("entrance-form"));
const field = /** @type {HTMLInputElement} */ (byId("name"));
const error = byId("name-error");
const button = /** @type {HTMLButtonElement} */ (byId("enter"));

/** @param {(name: string) => void} onEnter */
export function setUpEntrance(onEnter) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (button.getAttribute("aria-busy") === "true") return;
    if (!field.value.trim()) return explain("Write a name first.");
    explain("");
    setBusy(true);
    onEnter(field.value);
  });
  field.addEventListener("input", () => explain(""));
}

/**
 * @param {string} name What stands in the field.
 * @param {string} [reason] Why the user is here again.
 */
export function showEntrance(name, reason = "") {
  byId("chat").hidden = true;
  byId("entrance").hidden = false;
  field.value = name;
  setBusy(false);
  explain(reason);
  field.focus();
  field.select();
}

/** @param {boolean} busy */
function setBusy(busy) {
  button.setAttribute("aria-busy", String(busy));
  button.textContent = busy ? "Connecting…" : "Enter";
}

/** @param {string} reason */
function explain(reason) {
  if (error.textContent !== reason) error.textContent = reason;
  if (reason) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}
