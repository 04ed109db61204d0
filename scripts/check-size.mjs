// The size of our client for browsers beside socket.io-client's, minified and gzipped; fails past the budget.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { bundle } from "./build/bundle.mjs";
import { esmMin } from "./build/client.mjs";
import { root } from "./lib/shell.mjs";

const { gzipBytesMax } = JSON.parse(readFileSync(`${root}packages/client/size.json`, "utf8"));
const gzipBytes = (file) => gzipSync(readFileSync(file), { level: 9 }).length;

const folder = mkdtempSync(join(tmpdir(), "holdfast-size-"));
try {
  const { source, ...options } = esmMin;
  await bundle("client", source, { ...options, outfile: `${folder}/client.js` });
  const ours = gzipBytes(`${folder}/client.js`);
  const theirs = gzipBytes(`${root}node_modules/socket.io-client/dist/socket.io.esm.min.js`);
  console.log(`holdfast-client ${ours} bytes, budget ${gzipBytesMax}; socket.io-client ${theirs} bytes`);
  if (ours > gzipBytesMax) {
    console.error(`${ours - gzipBytesMax} bytes too many (budget: packages/client/size.json)`);
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
