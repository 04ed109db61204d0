/** How every browser bundle of this package is made: esbuild's options, shared by the build and by size.mjs. */
export const browserOptions = {
  bundle: true,
  platform: "browser",
  format: "esm",
  target: "es2022",
  conditions: ["source"],
  // private names, but for those that programs written for socket.io-client reach for, and what is on the wire
  mangleProps: /^_[a-z]/,
  reserveProps: /^_(placeholder|close)$/,
};
