/** Compares as the UTF-8 bytes of both compare, which is not how JavaScript compares strings. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

// Surrogates stand for code points beyond all other units.
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** A block is split in two past this. */
const BLOCK_KEYS_MAX = 1024;

/**
 * A sorted list of distinct keys. It is kept in blocks, so that adding or removing one among a million, at either
 * end or in between, moves a thousand at most.
 */
export class OrderedKeys {
  #blocks: string[][] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  at(index: number): string | undefined {
    if (index < 0) return undefined;
    let left = index;
    for (const block of this.#blocks) {
      if (left < block.length) return block[left];
      left -= block.length;
    }
    return undefined;
  }

  /** Index of the first key that is not smaller. */
  indexOf(key: string): number {
    const at = this.#blockOf(key);
    let index = 0;
    for (let i = 0; i < at; i++) index += this.#blocks[i]!.length;
    return at < this.#blocks.length ? index + lowerBound(this.#blocks[at]!, key) : index;
  }

  add(key: string): void {
    const last = this.#blocks.length - 1;
    if (last < 0) {
      this.#blocks.push([key]);
      this.#size = 1;
      return;
    }
    // Behind all of them: into the last block.
    const at = Math.min(this.#blockOf(key), last);
    const block = this.#blocks[at]!;
    const index = lowerBound(block, key);
    if (block[index] === key) return;
    if (index === block.length) block.push(key);
    else block.splice(index, 0, key);
    this.#size++;
    if (block.length <= BLOCK_KEYS_MAX) return;
    // Keys that rise leave full blocks behind them.
    const isEnd = index === block.length - 1 && at === this.#blocks.length - 1;
    this.#blocks.splice(at + 1, 0, block.splice(isEnd ? BLOCK_KEYS_MAX : BLOCK_KEYS_MAX / 2));
  }

  remove(key: string): void {
    const at = this.#blockOf(key);
    const block = this.#blocks[at];
    if (!block) return;
    const index = lowerBound(block, key);
    if (block[index] !== key) return;
    if (index === 0) block.shift();
    else block.splice(index, 1);
    this.#size--;
    if (block.length === 0) this.#blocks.splice(at, 1);
  }

  /** Keys from an index on, forwards or backwards. */
  *from(index: number, isReverse = false): Generator<string, void> {
    let at = 0;
    let left = index;
    while (at < this.#blocks.length - 1 && left >= this.#blocks[at]!.length)
      left -= this.#blocks[at++]!.length;
    const step = isReverse ? -1 : 1;
    for (let block = this.#blocks[at]; block; block = this.#blocks[at]) {
      for (; left >= 0 && left < block.length; left += step) yield block[left]!;
      at += step;
      left = isReverse ? (this.#blocks[at]?.length ?? 0) - 1 : 0;
    }
  }

  /** The first block whose last key is not smaller. */
  #blockOf(key: string): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const block = this.#blocks[middle]!;
      if (compareUtf8(block[block.length - 1]!, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareUtf8(keys[middle]!, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
