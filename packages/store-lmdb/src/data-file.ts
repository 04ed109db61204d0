export function checkDataFile(_path: string): void {}
