import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, it } from "vitest";
import { selected } from "../../src/targets.ts";

const fixture = fileURLToPath(new URL("./fixtures/typed-events.ts", import.meta.url));
const configPath = fileURLToPath(new URL("../../tsconfig.json", import.meta.url));

/** What the compiler has to say about the fixture when it imports from `specifier`. */
function complaints(specifier: string): string[] {
  const { config } = ts.readConfigFile(configPath, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, dirname(configPath));
  const host = ts.createCompilerHost(options);
  const source = readFileSync(fixture, "utf8").replace('from "socket.io"', `from "${specifier}"`);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (file, languageVersion, ...rest) =>
    file === fixture
      ? ts.createSourceFile(file, source, languageVersion, true)
      : read(file, languageVersion, ...rest);
  const program = ts.createProgram([fixture], options, host);
  const file = program.getSourceFile(fixture);
  return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map((found) => {
    const line = found.file?.getLineAndCharacterOfPosition(found.start ?? 0).line ?? 0;
    return `${line + 1}: ${ts.flattenDiagnosticMessageText(found.messageText, " ")}`;
  });
}

for (const target of selected) {
  it(`typed events hold what they promise [${target}]`, { timeout: 60_000 }, () => {
    expect(complaints(target === "stock" ? "socket.io" : "holdfast")).toEqual([]);
  });
}
