/** One job in the list. */
import { button } from "./button.js";
import { make } from "./elements.js";

const words = {
  adding: "sending",
  waiting: "queued",
  delayed: "waits to try again",
  running: "running",
  done: "done",
  dead: "dead",
  expired: "expired",
  removed: "removed",
};

export class JobView {
  node;
  #state = make("span", { class: "state" });
  #bar = make("progress", { max: "1", value: "0" });
  #note = make("p", { class: "note" });
  #actions = make("div", { class: "actions" });

  /**
   * @param {string} id
   * @param {string} title
   * @param {{ redrive(): void, cancel(): void, forget(): void }} acts
   */
  constructor(id, title, acts) {
    this.acts = acts;
    this.node = make(
      "li",
      { class: "job", "data-id": id },
      make("div", { class: "line" }, make("span", { class: "title" }, title), this.#state),
      this.#bar,
      this.#note,
      this.#actions,
    );
    this.#bar.setAttribute("aria-label", `Progress of ${title}`);
  }

  /** @param {import("./tasks.js").Report} report */
  show({ state, attempt, attempts, progress, result, error }) {
    const { node } = this;
    if (node.dataset.state !== state) {
      node.dataset.state = state;
      this.#state.textContent = words[state];
      this.#actions.replaceChildren(...this.#buttons(state));
    }
    node.dataset.attempt = String(attempt);
    this.#bar.hidden = state !== "running";
    this.#bar.value = state === "running" ? Number(progress ?? 0) : 0;
    const tries = attempt > 1 || error ? `Attempt ${attempt} of ${attempts}. ` : "";
    if (state === "done") {
      this.#note.textContent = `${tries}${result?.by} did it in ${((result?.tookMs ?? 0) / 1000).toFixed(1)} s.`;
    } else this.#note.textContent = tries + (error ? error.message.replace(/[.]?$/, ".") : "");
  }

  /** @param {string} state */
  #buttons(state) {
    const { acts } = this;
    if (state === "dead") return [button("Try again", acts.redrive, ""), button("Throw away", acts.cancel)];
    if (state === "waiting" || state === "delayed") return [button("Cancel", acts.cancel)];
    return [];
  }
}
