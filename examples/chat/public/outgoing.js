/**
 * What the user has written and the server has not confirmed: in this tab, in others, before a reload.
 *
 * The outbox has it until it has an outcome, and sends it; a page only shows it. What was refused is no longer in the
 * outbox: that is kept here, until the user has decided.
 *
 * Event: `change`.
 */
import { browser, randomId } from "./browser-storage.js";

/**
 * @typedef {{ room: string, id: string, text: string, time: number }} Words What is emitted.
 * @typedef {Words & { state: "waiting" | "sending" | "failed", reason: string }} Pending
 * @typedef {{ args: any[], error?: Error & { code: string } }} Entry
 */

export class Outgoing extends EventTarget {
  /** In the order of writing, by id. @type {Map<string, Pending>} */ #entries = new Map();
  #socket;
  #failedKey;

  /**
   * @param {any} socket
   * @param {string} name The user's.
   */
  constructor(socket, name) {
    super();
    this.#socket = socket;
    this.#failedKey = `failed:${name}`;
    for (const words of JSON.parse(browser.read(this.#failedKey) ?? "[]")) this.#entries.set(words.id, words);

    const { outbox } = socket;
    const update = () => this.#update();
    outbox.on("added", (/** @type {Entry} */ entry) => this.#show(entry.args[0]));
    outbox.on("settled", (/** @type {Entry} */ { args: [words], error }) =>
      error ? this.#fail(words, error) : this.remove(words.id),
    );
    outbox.on("state", update);
    socket.on("connect", update);
    socket.on("disconnect", update);
    outbox.list().then(
      (/** @type {Entry[]} */ entries) => {
        for (const { args } of entries) this.#show(args[0]);
      },
      () => {}, // whoever writes is told
    );
  }

  /** @param {string} room */
  in(room) {
    return [...this.#entries.values()].filter((entry) => entry.room === room);
  }

  /**
   * Resolves when it is sent, or refused. It is sent even if this page is closed meanwhile.
   * @param {string} room
   * @param {string} text
   * @param {string} [id]
   */
  async send(room, text, id = randomId()) {
    const words = { room, id, text, time: Date.now() };
    this.#show(words);
    try {
      await this.#socket.reliable.emit("say", words);
    } catch (error) {
      this.#fail(words, /** @type {Error & { code: string }} */ (error));
    }
  }

  /** @param {Pending} entry */
  retry({ room, text, id }) {
    this.remove(id);
    return this.send(room, text, id);
  }

  /** It has arrived, or the user has given it up. @param {string} id */
  remove(id) {
    if (this.#entries.delete(id)) this.#save();
  }

  /** @param {Words} words */
  #show(words) {
    // another tab may have tried again what failed
    if (this.#entries.get(words.id)?.state === "failed") this.#entries.delete(words.id);
    if (!this.#entries.has(words.id)) this.#entries.set(words.id, { ...words, state: "waiting", reason: "" });
    this.#update();
  }

  /**
   * @param {Words} words
   * @param {Error & { code: string }} error
   */
  #fail(words, { code, message }) {
    // the page goes, and its outbox stays
    if (code === "OUTBOX_CLOSED") return;
    const reason = code === "OUTCOME_UNKNOWN" ? "Perhaps not sent." : `Not sent. ${message}`;
    this.#entries.set(words.id, { ...words, state: "failed", reason });
    this.#save();
  }

  #update() {
    const { connected, outbox } = this.#socket;
    const state = connected && outbox.state !== "refused" ? "sending" : "waiting";
    for (const entry of this.#entries.values()) if (entry.state !== "failed") entry.state = state;
    this.dispatchEvent(new Event("change"));
  }

  #save() {
    const failed = [...this.#entries.values()].filter((entry) => entry.state === "failed");
    browser.write(this.#failedKey, failed.length > 0 ? JSON.stringify(failed) : null);
    this.#update();
  }
}
