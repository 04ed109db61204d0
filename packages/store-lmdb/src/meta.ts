import { randomBytes } from "node:crypto";
import { StoreError } from "@holdfast/core";
import { type Database, writeChanges } from "./database.ts";
import { KEY } from "./keys.ts";
import { decodeTotals, NO_TOTALS, type Totals } from "./totals.ts";

/** Changes whenever what is stored changes so that an older version could not read it. */
export const FORMAT = 1;

export const META_TOTALS = Buffer.from([KEY.meta, 2]);
const META_FORMAT = Buffer.from([KEY.meta, 1]);

/** What a store says of itself. */
export interface Meta {
  readonly format: number;
  /** Of positions in logs that are flushed before they are shown: as old as the store. */
  readonly epoch: string;
  /** Raised by each unclean stop. */
  readonly generation: number;
  /** False while open. */
  readonly isClean: boolean;
}

/** Reads a store's meta record; undefined where the file is new. Throws `STORE_FORMAT` or `STORE_DAMAGED`. */
export function readMeta(database: Database): Meta | undefined {
  const value = database.get(META_FORMAT);
  if (!value) {
    for (const _ of database.getKeys({ limit: 1 })) {
      throw new StoreError("STORE_FORMAT", "The file is an LMDB database, but not one of Holdfast");
    }
    return undefined;
  }
  let meta: Meta;
  try {
    meta = JSON.parse(value.toString("utf8")) as Meta;
  } catch (error) {
    throw new StoreError("STORE_DAMAGED", "The store's format record cannot be read", error);
  }
  if (meta.format !== FORMAT) {
    throw new StoreError("STORE_FORMAT", `The store has format ${meta.format}, this version reads ${FORMAT}`);
  }
  return meta;
}

export function newMeta(): Meta {
  return { format: FORMAT, epoch: randomBytes(6).toString("base64url"), generation: 0, isClean: true };
}

export function writeMeta(database: Database, meta: Meta): Promise<void> {
  return writeChanges(database, [{ key: META_FORMAT, value: Buffer.from(JSON.stringify(meta)) }]);
}

export function readTotals(database: Database): Totals {
  const value = database.get(META_TOTALS);
  return value ? decodeTotals(value) : NO_TOTALS;
}
