/** One system call of a trace (`strace -f -y`). */
export interface SystemCall {
  readonly name: string;
  /** Its first argument's number, and what that stands for: a path, `socket:[7]`. */
  readonly descriptor: string;
  readonly target: string;
  readonly text: string;
  readonly result: string;
  /** The lines on which it began and returned. */
  readonly start: number;
  readonly end: number;
}

const BEGIN = /^(\d+) +(\w+)\((?:(\d+)<([^>]*)>)?/;
const RESUMED = /^(\d+) +<\.\.\. \w+ resumed>/;

/** The calls of a trace, in the order in which they began. Those that never returned are left out. */
export function systemCalls(trace: string): SystemCall[] {
  const calls: SystemCall[] = [];
  /** By thread: what it is in the middle of. */
  const open = new Map<string, { line: string; start: number }>();
  const add = (line: string, rest: string, start: number, end: number) => {
    const [, , name, descriptor = "", target = ""] = BEGIN.exec(line) ?? [];
    const text = line + rest;
    const result = text.slice(text.lastIndexOf(" = ") + 3).split(/[< ]/, 1)[0]!;
    if (name) calls.push({ name, descriptor, target, text, result, start, end });
  };
  for (const [number, line] of trace.split("\n").entries()) {
    const thread = line.slice(0, line.indexOf(" "));
    if (line.endsWith("<unfinished ...>")) open.set(thread, { line, start: number });
    else if (RESUMED.test(line)) {
      const begun = open.get(thread);
      open.delete(thread);
      if (begun) add(begun.line, line, begun.start, number);
    } else add(line, "", number, number);
  }
  return calls.sort((a, b) => a.start - b.start);
}

/** Whether it opened a file whose writes return only once they are on disk. */
export function isDurableOpen({ name, text }: SystemCall): boolean {
  return name === "openat" && /\bO_D?SYNC\b/.test(text);
}
