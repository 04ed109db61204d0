/** The workers, and what they work on. */
import { button } from "./button.js";
import { make } from "./elements.js";

/**
 * @param {HTMLElement} list
 * @param {{ name: string, pid?: number, task?: string }[]} workers
 * @param {(name: string) => void} kill
 */
export function showWorkers(list, workers, kill) {
  for (const { name, pid, task } of workers) {
    let node = /** @type {HTMLElement | null} */ (list.querySelector(`[data-name="${name}"]`));
    if (!node) {
      const end = button("Kill", () => kill(name), "danger");
      end.setAttribute("aria-label", `Kill ${name}`);
      const what = make("div", { class: "who" }, make("strong", {}, name), make("span", { class: "task" }));
      node = make(
        "li",
        { "data-name": name },
        make("span", { class: "dot", "aria-hidden": "true" }),
        what,
        end,
      );
      list.append(node);
    }
    const state = pid === undefined ? "dead" : task ? "busy" : "idle";
    node.dataset.state = state;
    const text = {
      dead: "killed; a new one starts",
      busy: task ?? "",
      idle: `waits, process ${pid}`,
    };
    /** @type {HTMLElement} */ (node.querySelector(".task")).textContent = text[state];
    /** @type {HTMLButtonElement} */ (node.querySelector("button")).disabled = state === "dead";
  }
}
