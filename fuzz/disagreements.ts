/**
 * Every way in which we and Node may disagree about a message, and why ours is right. Nothing is listed by default: a parting that no
 * entry describes is a failure of the fuzzer. docs/fuzzing.md holds the same table; a test compares them, and reads every example.
 */
import type { Kind, Parting } from "./compare.ts";
import { STRICTER } from "./stricter.ts";
import { WIDER } from "./wider.ts";

export interface Disagreement {
  readonly id: string;
  readonly kind: Kind;
  /** Why the one that refuses does so: our fault codes for `we-refuse`, Node's for `node-refuses`; empty where nobody refuses. */
  readonly faults: readonly string[];
  /** The section that makes ours right. */
  readonly section: string;
  readonly reason: string;
  /** The shortest wire that shows it. */
  readonly example: string;
  /** What we pass on may meet it as well. All others end at this hop: what we send must be plain to every parser. */
  readonly passedOn?: true;
  /** What must stand in the wire or in a reading, as one fault has several causes. */
  applies(parting: Parting): boolean;
}

export const DISAGREEMENTS: readonly Disagreement[] = [...STRICTER, ...WIDER];

/** The class of a parting, or null: a failure. */
export function classOf(parting: Parting): Disagreement | null {
  return DISAGREEMENTS.find((one) => one.kind === parting.kind && describes(one, parting) && one.applies(parting)) ?? null;
}

function describes({ faults, passedOn }: Disagreement, parting: Parting): boolean {
  if (parting.passedOn && passedOn !== true) return false;
  const { kind, ourFault, nodeFault, node } = parting;
  if (kind === "we-refuse") return faults.includes(ourFault ?? "");
  if (kind !== "node-refuses") return true;
  // Where a request asks to switch protocols, Node drops the fault of its body and just never finds the end.
  return faults.includes(nodeFault ?? "") || (nodeFault === null && node?.last === true);
}
