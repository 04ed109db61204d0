/** What the browser remembers. It may be told to remember nothing: then the chat works, and forgets. */

/** @param {() => Storage} storageOf */
const over = (storageOf) => ({
  /** @param {string} key */
  read(key) {
    try {
      return storageOf().getItem(`chat:${key}`);
    } catch {
      return null;
    }
  },
  /**
   * @param {string} key
   * @param {string | null} value null forgets
   */
  write(key, value) {
    try {
      if (value === null) storageOf().removeItem(`chat:${key}`);
      else storageOf().setItem(`chat:${key}`, value);
    } catch {
      // Blocked or full.
    }
  },
});

/** Shared by all the tabs of this browser. */
export const browser = over(() => localStorage);
/** This tab only; survives a reload. */
export const tab = over(() => sessionStorage);

/** For who wants a storage, and says itself what to do when it fails: `localStorage` may throw wherever it is touched. */
export const lasting = {
  /** @param {string} key */
  getItem: (key) => localStorage.getItem(key),
  /**
   * @param {string} key
   * @param {string} value
   */
  setItem: (key, value) => localStorage.setItem(key, value),
};

/** An id nobody can guess. (`crypto.randomUUID` is missing on pages that came over plain http.) */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The secret by which the server knows that another tab, or this one after a reload, is the same person. */
export function ownKey() {
  const key = browser.read("key") ?? tab.read("key") ?? randomId();
  browser.write("key", key);
  tab.write("key", key);
  return key;
}
