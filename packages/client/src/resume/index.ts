import { type Extensible, extend } from "../extension.ts";

const resumed = new WeakSet<Extensible>();

/** Makes a socket continue where it stood (PROTOCOL §3). */
export function resume(socket: Extensible): void {
  if (resumed.has(socket)) return;
  resumed.add(socket);
  extend(socket, { name: "resume", ask() {}, answered() {} });
}
