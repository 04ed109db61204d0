import { afterEach, beforeEach } from "vitest";
import type { Store } from "../store/index.ts";
import type { StoreHarness, Subject, SubjectOptions } from "./harness.ts";

/** Opens a fresh store for each test of the enclosing `describe`, and disposes of all that came of it. */
export class Fixture {
  readonly #harness: StoreHarness;
  #subjects: Subject[] = [];

  constructor(harness: StoreHarness) {
    this.#harness = harness;
    beforeEach(async () => {
      await this.open();
    });
    afterEach(async () => {
      const subjects = this.#subjects;
      this.#subjects = [];
      for (const subject of subjects) await subject.dispose();
    });
  }

  get store(): Store {
    return this.#subjects[this.#subjects.length - 1]!.store;
  }

  async open(options?: SubjectOptions): Promise<Store> {
    this.#subjects.push(await this.#harness.open(options));
    return this.store;
  }

  async crash(): Promise<Store> {
    this.#subjects.push(await this.#subjects[this.#subjects.length - 1]!.crash());
    return this.store;
  }

  async reopen(): Promise<Store> {
    this.#subjects.push(await this.#subjects[this.#subjects.length - 1]!.reopen());
    return this.store;
  }
}
