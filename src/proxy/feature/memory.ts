/** Memory for bodies that a feature keeps: a share of `limits.buffered_bytes`, which holds for the whole process. */
export interface Memory {
  /** Reserves that many bytes. Returns false, and counts that, if the limit is reached. What was reserved must be given back. */
  takeMemory(bytes: number): boolean;
  giveMemory(bytes: number): void;
}

/** Where nothing is kept. */
export const NO_MEMORY: Memory = { takeMemory: () => false, giveMemory: () => {} };
