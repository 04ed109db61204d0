/** The page's side of the queue: plain Socket.IO events, as PROTOCOL.md chapter 5 has them. */

const queue = "tasks";
const stored = "holdfast-jobs";

/**
 * @typedef {object} Report what the server tells of a job
 * @property {string} id
 * @property {"adding" | "waiting" | "delayed" | "running" | "done" | "dead" | "expired" | "removed"} state
 * @property {number} attempt
 * @property {number} attempts
 * @property {number} [progress]
 * @property {{ by: string, tookMs: number }} [result]
 * @property {{ message: string }} [error]
 * @property {number} [dueMs]
 *
 * @typedef {object} Known what this page remembers of a job: with the grant it may watch it, also after a reload
 * @property {string} id
 * @property {string} title
 * @property {string} [grant]
 * @property {{ title: string, seconds: number, trouble: string }} [data] as long as the server has not answered
 */

/** The jobs that this tab added. Events: "change" with the id, "gone" with the id. */
export class Tasks extends EventTarget {
  /** @type {Map<string, Known>} the newest first */
  #known = new Map();
  /** @type {Map<string, Report>} */
  reports = new Map();
  #socket;

  /** @param {{ connected: boolean, emit: Function, on: Function }} socket */
  constructor(socket) {
    super();
    this.#socket = socket;
    for (const known of JSON.parse(sessionStorage.getItem(stored) ?? "[]")) this.#known.set(known.id, known);
    socket.on("holdfast:queue:state", (/** @type {Report} */ report) => this.#take(report));
    socket.on("connect", () => {
      for (const known of [...this.#known.values()])
        void (known.grant ? this.#watch(known) : this.#send(known));
    });
  }

  get all() {
    return [...this.#known.values()].reverse();
  }

  /** @param {{ title: string, seconds: number, trouble: string }} data */
  add(data) {
    // With an id of our own it may be sent again, if the answer gets lost, and is still one job.
    const known = { id: crypto.randomUUID(), title: data.title, data };
    this.#known.set(known.id, known);
    this.#take({ id: known.id, state: "adding", attempt: 0, attempts: 0 });
    this.#save();
    return this.#send(known);
  }

  /**
   * @param {string} command
   * @param {...unknown} args
   * @returns {Promise<any>}
   */
  admin(command, ...args) {
    return this.ask("admin", queue, command, ...args);
  }

  /** @param {string} id */
  forget(id) {
    if (this.#socket.connected) this.ask("unwatch", queue, id).catch(() => {});
    this.#known.delete(id);
    this.reports.delete(id);
    this.#save();
    this.dispatchEvent(new CustomEvent("gone", { detail: id }));
  }

  /**
   * The server answers with an error, or with null and the result.
   * @param {string} name
   * @param {...unknown} args
   * @returns {Promise<any>}
   */
  ask(name, ...args) {
    return new Promise((resolve, reject) => {
      const answer = (
        /** @type {{ code: string, message: string } | null} */ error,
        /** @type {any} */ result,
      ) => (error ? reject(Object.assign(new Error(error.message), error)) : resolve(result));
      this.#socket.emit(`holdfast:queue:${name}`, ...args, answer);
    });
  }

  /** @param {Known} known */
  async #send(known) {
    if (!this.#socket.connected) return; // with the next connection
    try {
      known.grant = (await this.ask("add", queue, known.data, { id: known.id })).grant;
    } catch (error) {
      this.forget(known.id);
      throw error;
    }
    delete known.data;
    this.#save();
    await this.#watch(known);
  }

  /** @param {Known} known */
  async #watch({ id, grant }) {
    try {
      this.#take(await this.ask("watch", queue, id, grant));
    } catch {
      this.forget(id); // done long ago
    }
  }

  /** @param {Report} report */
  #take(report) {
    if (!this.#known.has(report.id)) return;
    if (report.state === "removed") {
      this.forget(report.id);
      return;
    }
    this.reports.set(report.id, report);
    this.dispatchEvent(new CustomEvent("change", { detail: report.id }));
  }

  #save() {
    sessionStorage.setItem(stored, JSON.stringify([...this.#known.values()]));
  }
}
