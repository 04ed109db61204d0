// biome-ignore-all lint/suspicious/noExplicitAny: the auth payload is the application's
import type { Namespace } from "./namespace.ts";
import { ParentNamespace } from "./parent-namespace.ts";
import type { EventsMap } from "./typed-events.ts";

/** Decides whether a namespace of this name may be made; calls `fn` with null and the answer. */
export type ParentNspNameMatchFn = (
  name: string,
  auth: { [key: string]: any },
  fn: (err: Error | null, success: boolean) => void,
) => void;

/** The patterns from which a server makes namespaces that nobody declared. */
export class NamespacePatterns<L extends EventsMap, E extends EventsMap, S extends EventsMap, D> {
  readonly #server: Namespace<L, E, S, D>["server"];
  readonly parents = new Map<ParentNspNameMatchFn, ParentNamespace<L, E, S, D>>();
  readonly #expressions = new Map<RegExp, ParentNamespace<L, E, S, D>>();

  constructor(server: Namespace<L, E, S, D>["server"]) {
    this.#server = server;
  }

  add(pattern: RegExp | ParentNspNameMatchFn): ParentNamespace<L, E, S, D> {
    const isExpression = pattern instanceof RegExp;
    if (isExpression && (pattern.global || pattern.sticky)) {
      throw new Error("stateful regular expressions are not supported");
    }
    const parent = new ParentNamespace(this.#server);
    if (isExpression) {
      this.#expressions.set(pattern, parent);
      this.parents.set((name, _auth, next) => next(null, pattern.test(name)), parent);
    } else this.parents.set(pattern, parent);
    return parent;
  }

  /** A new namespace from the first regular expression that matches. */
  make(name: string): Namespace<L, E, S, D> | undefined {
    for (const [expression, parent] of this.#expressions) {
      if (expression.test(name)) return parent.createChild(name);
    }
    return undefined;
  }

  /** As {@link make}, for a client: from the first pattern, in the order of their declaration, that accepts. */
  find(
    name: string,
    auth: { [key: string]: unknown },
    done: (nsp: Namespace<L, E, S, D> | false) => void,
  ): void {
    const patterns = this.parents.entries();
    const next = () => {
      const { value: pattern } = patterns.next();
      if (!pattern) {
        done(false);
        return;
      }
      const [accepts, parent] = pattern;
      accepts(name, auth, (error, isAccepted) => {
        if (error || !isAccepted) next();
        // it may have been made while the answer was awaited
        else done(this.#server._nsps.get(name) ?? parent.createChild(name));
      });
    };
    next();
  }
}
