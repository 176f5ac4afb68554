/** Reads and writes allocations.json, the stored figures. */
import { readFileSync, writeFileSync } from "node:fs";
import type { StoredFigures } from "./compare-allocations.ts";

const FILE = new URL("./allocations.json", import.meta.url);

export function readStored(): StoredFigures {
  return JSON.parse(readFileSync(FILE, "utf8")) as StoredFigures;
}

/** Stores figures, with the version and architecture of this Node. */
export function writeStored(figures: Pick<StoredFigures, "unoptimised" | "optimised">): void {
  const stored: StoredFigures = { node: process.versions.node, architecture: process.arch, ...figures };
  writeFileSync(FILE, `${JSON.stringify(stored, null, 2)}\n`);
}
