/** Compares counted allocations with the stored figures. */

/** Bytes that one operation allocates, by the operation's name. */
export type Figures = Readonly<Record<string, number>>;

/** The content of allocations.json: figures, and the Node and processor that they were counted on. */
export interface StoredFigures {
  /** Version of Node, without a `v`. */
  readonly node: string;
  readonly architecture: string;
  readonly unoptimised: Figures;
  readonly optimised: Figures;
}

export type Tier = "unoptimised" | "optimised";

/**
 * How much more than its figure an operation may allocate: the larger of the share and the bytes. Unoptimised code allocates what the source says. What
 * an optimising compiler removes depends on everything that ran before: a change elsewhere has moved figures by half.
 */
const MAY_GROW: Readonly<Record<Tier, { readonly share: number; readonly bytes: number }>> = {
  unoptimised: { share: 0.1, bytes: 8 },
  optimised: { share: 0.75, bytes: 64 },
};

export interface Comparison {
  /** One sentence for each operation that allocates too much or has no figure, and for each figure without an operation. */
  readonly problems: readonly string[];
  /** One sentence for each operation that allocates less than its figure by as much. */
  readonly better: readonly string[];
}

export function compareAllocations(tier: Tier, stored: Figures, counted: Figures): Comparison {
  const problems: string[] = [];
  const better: string[] = [];
  for (const [name, now] of Object.entries(counted)) {
    const before = stored[name];
    if (before === undefined) problems.push(`${name}, ${tier}, allocates ${now} bytes and has no figure yet`);
    else if (exceeds(tier, now, before))
      problems.push(`${name}, ${tier}, allocates ${now} bytes, its figure is ${before}: ${grown(now, before)}`);
    else if (exceeds(tier, before, now)) better.push(`${name}, ${tier}, allocates ${now} bytes, its figure is ${before}`);
  }
  for (const name of Object.keys(stored))
    if (!(name in counted)) problems.push(`${name}, ${tier}, has a figure and is no operation any more`);
  return { problems, better };
}

/** Why the figures do not apply to this Node and processor; null if they do. */
export function otherMachine(
  { node, architecture }: Pick<StoredFigures, "node" | "architecture">,
  version: string,
  arch: string,
): string | null {
  if (version !== node) return `the figures hold for Node ${node}, this is ${version}: another V8 allocates otherwise`;
  if (arch !== architecture) return `the figures hold for ${architecture}, this is ${arch}: V8 compiles other code for it`;
  return null;
}

/** What to do about problems. */
export const ADVICE: string = [
  "If the change is not meant to allocate, find out what it makes for each request: that is work for the garbage collector under load.",
  "If it is worth it, store the new figures and say in the commit why:",
  "    node bench/micro/allocations.ts --update",
].join("\n");

function exceeds(tier: Tier, more: number, less: number): boolean {
  const { share, bytes } = MAY_GROW[tier];
  return more > less + bytes && more > less + less * share;
}

function grown(now: number, before: number): string {
  return `${now - before} more${before === 0 ? "" : `, ${Math.round((now / before - 1) * 100)} %`}`;
}
