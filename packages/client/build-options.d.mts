import type { BuildOptions, Plugin } from "esbuild";

export const browserOptions: BuildOptions;
export const chunks: Record<string, string>;
export const entries: Record<string, string>;
export function apart(files: Record<string, string>): Plugin;
export function chunkFiles(fileOf: (name: string) => string): Record<string, string>;
