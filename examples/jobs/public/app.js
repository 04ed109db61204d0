/** The page: what is typed goes to the queue, what the server tells is shown. */
import { byId, make } from "./elements.js";
import { JobView } from "./job-view.js";
import { Tasks } from "./tasks.js";
import { showWorkers } from "./worker-view.js";

const socket = /** @type {any} */ (globalThis).io({ transports: ["websocket", "polling"] });
const tasks = new Tasks(socket);
/** @type {Map<string, JobView>} */
const views = new Map();
const list = byId("jobs");
const field = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (byId(id));

socket.on("connect", () => status(""));
socket.on("disconnect", () => status("The server is gone; reconnecting. What was added is on its disk."));
socket.on("workers", (/** @type {any} */ workers) =>
  showWorkers(byId("workers"), workers, (name) => socket.emit("kill", name)),
);
socket.on("counts", showCounts);

byId("new").addEventListener("submit", (event) => {
  event.preventDefault();
  const title = field("title").value.trim() || field("title").placeholder;
  const count = Math.min(50, Math.max(1, Number(field("count").value) || 1));
  const seconds = Math.min(60, Math.max(0, Number(field("seconds").value) || 0));
  const trouble = field("trouble").value;
  for (let i = 1; i <= count; i++) {
    attempt(tasks.add({ title: count > 1 ? `${title} ${i}` : title, seconds, trouble }));
  }
});
byId("pause").addEventListener("click", () => {
  const isPaused = byId("pause").getAttribute("aria-pressed") === "true";
  attempt(tasks.admin(isPaused ? "resume" : "pause"));
});
byId("redrive").addEventListener("click", () => attempt(tasks.admin("redrive")));
byId("tidy").addEventListener("click", () => {
  for (const [id, { state }] of [...tasks.reports]) if (state === "done") tasks.forget(id);
});
tasks.addEventListener("change", (event) => show(/** @type {CustomEvent} */ (event).detail));
tasks.addEventListener("gone", (event) => {
  const id = /** @type {CustomEvent} */ (event).detail;
  views.get(id)?.node.remove();
  views.delete(id);
  showFrame();
});

/** @param {string} id */
function show(id) {
  const report = tasks.reports.get(id);
  const known = tasks.all.find((each) => each.id === id);
  if (!report || !known) return;
  let view = views.get(id);
  if (!view) {
    view = new JobView(id, known.title, {
      redrive: () => attempt(tasks.admin("redrive", id)),
      cancel: () => attempt(tasks.admin("remove", id)),
      forget: () => tasks.forget(id),
    });
    views.set(id, view);
    const place = tasks.all.findIndex((each) => each.id === id);
    const after = tasks.all.slice(place + 1).find((each) => views.has(each.id));
    list.insertBefore(view.node, (after && views.get(after.id)?.node) ?? null);
  }
  view.show(report);
  showFrame();
}

function showFrame() {
  byId("empty").hidden = views.size > 0;
  byId("tidy").hidden = ![...tasks.reports.values()].some(({ state }) => state === "done");
}

/** @param {Record<string, number> & { isPaused: boolean }} counts */
function showCounts(counts) {
  const shown = {
    queued: counts.waiting,
    delayed: counts.delayed,
    running: counts.running,
    done: counts.done,
    dead: counts.dead,
  };
  byId("counts").replaceChildren(
    ...Object.entries(shown).map(([name, count]) =>
      make("div", { "data-count": name }, make("dt", {}, name), make("dd", {}, String(count))),
    ),
  );
  byId("pause").setAttribute("aria-pressed", String(counts.isPaused));
  byId("pause").textContent = counts.isPaused ? "Resume" : "Pause";
  byId("redrive").hidden = counts.dead === 0;
}

/** @param {Promise<unknown>} done */
function attempt(done) {
  byId("error").textContent = "";
  done.catch((error) => {
    byId("error").textContent = `${error.message} (${error.code})`;
  });
}

/** @param {string} text */
function status(text) {
  byId("status").textContent = text;
}
