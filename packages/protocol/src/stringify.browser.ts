/** What stringify.ts does, in little space: package.json's "browser" map puts this in its place. */
export const stringify: (data: unknown) => string = JSON.stringify;
