import { fileURLToPath } from "node:url";
import { mergeConfig } from "vitest/config";
import base from "../../../vitest.config.ts";

// Runs the server's conformance tests with our client in the place of the stock one:
//   npx vitest run --config conformance/test/client/our-client.config.ts conformance/test/socketio
export default mergeConfig(base, {
  resolve: {
    alias: [
      {
        find: /^socket\.io-client$/,
        replacement: fileURLToPath(new URL("../../../packages/client/src/index.ts", import.meta.url)),
      },
    ],
  },
});
