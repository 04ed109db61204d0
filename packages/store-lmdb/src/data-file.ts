import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { StoreError } from "@holdfast/core";

/*
 * LMDB maps its file into memory and trusts what it finds there: a file cut short or overwritten ends the process
 * with a signal when a page of it is touched. So the file is looked at before LMDB opens it. What is checked is the
 * structure: the meta pages, and that the trees below them hang together (LMDB's page layout: lmdb 3.5, data version
 * 2). Payloads carry checksums of their own.
 */

const META_PAGES = 2;
const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const PAGE_HEADER = 24;
const NODE_HEADER = 8;
const IS_BRANCH = 1;
const IS_LEAF = 2;
const IS_OVERFLOW = 4;
const IS_META = 8;
const NODE_IS_BIG = 1;
/** Page number of the root of an empty tree. */
const NO_PAGE = 0xffff_ffff_ffff_ffffn;
/** Upper levels come first; a store too large for this is checked in part, so that it opens within a second. */
const PAGES_MAX = 65_536;

interface Meta {
  readonly pageSize: number;
  readonly transaction: bigint;
  readonly roots: readonly bigint[];
}

/** Throws `STORE_DAMAGED` if the file cannot be trusted. Reads only; a file that is not there or empty is new. */
export function checkDataFile(path: string): void {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw StoreError.from(error);
  }
  try {
    const { size } = fstatSync(file);
    if (size > 0) new DataFile(file, size).check();
  } catch (error) {
    throw error instanceof RangeError ? damaged("a page's content lies outside of it") : error;
  } finally {
    closeSync(file);
  }
}

class DataFile {
  readonly #file: number;
  readonly #size: number;
  #pageSize = 4096;

  constructor(file: number, size: number) {
    this.#file = file;
    this.#size = size;
  }

  check(): void {
    const first = this.#meta(0);
    this.#pageSize = first.pageSize;
    const second = this.#meta(this.#pageSize);
    const meta = second.transaction > first.transaction ? second : first;
    const pages = meta.roots.filter((root) => root !== NO_PAGE).map((root) => this.#number(root));
    const seen = new Set(pages);
    for (let i = 0; i < pages.length && i < PAGES_MAX; i++) {
      for (const child of this.#children(pages[i]!)) {
        if (seen.has(child)) throw damaged(`page ${child} belongs to two others`);
        seen.add(child);
        pages.push(child);
      }
    }
  }

  #meta(at: number): Meta {
    const page = this.#read(at, 168);
    const pageSize = page.readUInt32LE(48);
    const isMeta =
      (page.readUInt16LE(18) & IS_META) !== 0 &&
      page.readUInt32LE(24) === MAGIC &&
      page.readUInt32LE(28) === DATA_VERSION &&
      pageSize >= 512 &&
      pageSize <= 65_536;
    if (!isMeta) throw damaged("it does not start with LMDB's meta pages");
    return {
      pageSize,
      transaction: page.readBigUInt64LE(152),
      roots: [page.readBigUInt64LE(88), page.readBigUInt64LE(136)],
    };
  }

  /** Pages of the tree below a page. */
  #children(number: number): number[] {
    const page = this.#read(number * this.#pageSize, this.#pageSize);
    const flags = page.readUInt16LE(18);
    const isBranch = (flags & IS_BRANCH) !== 0;
    if (Number(page.readBigUInt64LE(0)) !== number || isBranch === ((flags & IS_LEAF) !== 0)) {
      throw damaged(`page ${number} is not what it should be`);
    }
    const lower = page.readUInt16LE(20);
    const upper = page.readUInt16LE(22);
    if (lower > upper || upper > this.#pageSize - PAGE_HEADER || lower % 2 !== 0) {
      throw damaged(`page ${number} has no valid bounds`);
    }
    const children: number[] = [];
    for (let i = 0; i < lower; i += 2) {
      const pointer = page.readUInt16LE(PAGE_HEADER + i);
      if (pointer < upper) throw damaged(`page ${number} has an entry outside of its bounds`);
      const node = PAGE_HEADER + pointer;
      const size = page.readUInt16LE(node) + page.readUInt16LE(node + 2) * 0x1_0000;
      const nodeFlags = page.readUInt16LE(node + 4);
      const key = node + NODE_HEADER;
      const data = key + page.readUInt16LE(node + 6);
      if (isBranch) children.push(this.#number(BigInt(size) + (BigInt(nodeFlags) << 32n)));
      else if (nodeFlags & NODE_IS_BIG) this.#checkOverflow(page, data, size);
      else if (data + size > this.#pageSize) throw damaged(`page ${number} has an entry beyond its end`);
    }
    return children;
  }

  /** A large value has pages of its own: those must be there. */
  #checkOverflow(page: Buffer, at: number, size: number): void {
    const number = this.#number(page.readBigUInt64LE(at));
    const head = this.#read(number * this.#pageSize, PAGE_HEADER);
    const count = head.readUInt32LE(20);
    const isThere =
      Number(head.readBigUInt64LE(0)) === number &&
      (head.readUInt16LE(18) & IS_OVERFLOW) !== 0 &&
      size + PAGE_HEADER <= count * this.#pageSize &&
      (number + count) * this.#pageSize <= this.#size;
    if (!isThere) throw damaged(`a large value at page ${number} is not there`);
  }

  /** A page number that can be one. */
  #number(value: bigint): number {
    if (value < META_PAGES || value >= BigInt(Math.floor(this.#size / this.#pageSize))) {
      throw damaged(`it refers to page ${value}, but holds ${this.#size} bytes`);
    }
    return Number(value);
  }

  #read(at: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    if (readSync(this.#file, bytes, 0, length, at) < length) throw damaged("it is cut short");
    return bytes;
  }
}

function damaged(how: string): StoreError {
  return new StoreError("STORE_DAMAGED", `The store's file is damaged: ${how}`);
}
