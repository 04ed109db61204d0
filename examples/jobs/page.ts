/** The files of the page. */
import { pageServer } from "../shared/serve-page.ts";

/** A request handler for `http.createServer`. */
export const servePage = pageServer(new URL("./public/", import.meta.url), [
  "index.html",
  "style.css",
  "app.js",
  "button.js",
  "job-view.js",
  "tasks.js",
  "worker-view.js",
]);
