import { statfsSync } from "node:fs";
import type { Database } from "./database.ts";

/** Pages that any write copies, however little it changes; kept free so that deleting is possible on a full disk. */
const RESERVE_BYTES = 128 * 1024;

interface TreeStats {
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

interface Stats extends TreeStats {
  readonly pageSize: number;
  readonly lastPageNumber: number;
  readonly free: TreeStats;
}

/**
 * Says whether a batch fits before it is tried: a commit that fails halfway costs far more than the question, and
 * would fail removals too, which are what makes space.
 */
export class DiskSpace {
  readonly #database: Database;
  readonly #folder: string;
  readonly #bytesMax: number;

  constructor(database: Database, folder: string, bytesMax: number) {
    this.#database = database;
    this.#folder = folder;
    this.#bytesMax = bytesMax;
  }

  /** The file's size. */
  get fileBytes(): number {
    const { pageSize, lastPageNumber } = this.#stats();
    return (lastPageNumber + 1) * pageSize;
  }

  /** Why so many bytes cannot be added, or undefined if they can. */
  refusal(bytes: number): string | undefined {
    const needed = bytes * 1.5 + RESERVE_BYTES;
    const disk = this.#diskBytes();
    const isDiskLow = disk < needed + RESERVE_BYTES;
    if (!isDiskLow && this.#bytesMax === Infinity) return undefined;
    const stats = this.#stats();
    const fileBytes = (stats.lastPageNumber + 1) * stats.pageSize;
    const isLimitNear = fileBytes + needed > this.#bytesMax;
    if (!isDiskLow && !isLimitNear) return undefined;
    // Pages inside the file that retention has freed are used again. Large values need several in a row.
    if (freeBytes(stats) > needed * 2) return undefined;
    return isDiskLow
      ? `The disk has ${disk} bytes left`
      : `The store is at its bytesMax of ${this.#bytesMax} bytes`;
  }

  /** True if a failed write is explained by a full disk. */
  isDiskFull(): boolean {
    return this.#diskBytes() < 2 * RESERVE_BYTES;
  }

  #diskBytes(): number {
    const { bavail, bsize } = statfsSync(this.#folder);
    return bavail * bsize;
  }

  #stats(): Stats {
    return this.#database.getStats() as Stats;
  }
}

function freeBytes(stats: Stats): number {
  const used = pages(stats) + pages(stats.free) + 2;
  return (stats.lastPageNumber + 1 - used) * stats.pageSize;
}

function pages({ treeBranchPageCount, treeLeafPageCount, overflowPages }: TreeStats): number {
  return treeBranchPageCount + treeLeafPageCount + overflowPages;
}
