/** The files of the page. */
import { pageServer } from "../shared/serve-page.ts";

/** A request handler for `http.createServer`. */
export const servePage = pageServer(new URL("./public/", import.meta.url), [
  "index.html",
  "style.css",
  "app.js",
  "browser-storage.js",
  "conversation.js",
  "dom.js",
  "entrance.js",
  "format.js",
  "log-view.js",
  "outgoing.js",
  "people-view.js",
  "rooms-view.js",
  "session.js",
  "room-view.js",
]);
