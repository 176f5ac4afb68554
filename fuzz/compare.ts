/**
 * The verdict on two readings of one wire, message by message. What both accept must be equal; where one accepts and the other does not,
 * the table of disagreements must know why, or it is a failure.
 */
import type { MessageLimits } from "../src/http1/limits.ts";
import { classOf } from "./disagreements.ts";
import type { Disagreement } from "./disagreements.ts";
import { completeMessages } from "./reading.ts";
import type { Message, Reading } from "./reading.ts";

/**
 * `we-refuse`: we refuse a message, or still wait for its end, that Node found complete. `node-refuses`: the other way round. `differ`:
 * both accept and see different messages. `persistence`: both accept, and one of them reads no further.
 */
export type Kind = "we-refuse" | "node-refuses" | "differ" | "persistence";

/** Where two readings part. */
export interface Parting {
  readonly kind: Kind;
  readonly side: "request" | "response";
  /** The messages at that place; a head that was not accepted is undefined. */
  readonly ours: Message | undefined;
  readonly node: Message | undefined;
  readonly ourFault: string | null;
  readonly nodeFault: string | null;
  /** The message before, on which both agreed. */
  readonly before: Message | undefined;
  /** The wire from the message on. */
  readonly rest: string;
  /** The limits of our reading. */
  readonly limits: MessageLimits;
  /** The wire is what we pass on, and not what was received. */
  readonly passedOn: boolean;
}

export interface Verdict {
  /** Messages that both accepted, equal. */
  readonly agreed: number;
  readonly parting: Parting | null;
  /** The class of the parting; null without one, or where none fits: a failure. */
  readonly listed: Disagreement | null;
}

/** Two readings of one wire, and what they were read as. */
export interface Readings extends Pick<Parting, "side" | "limits" | "passedOn"> {
  readonly wire: string;
  readonly ours: Reading;
  readonly node: Reading;
}

export function compare({ side, wire, ours, node, limits, passedOn }: Readings): Verdict {
  const common = Math.min(completeMessages(ours), completeMessages(node));
  let at = 0;
  const part = (index: number, kind: Kind): Verdict => {
    const parting: Parting = {
      kind,
      side,
      ours: ours.messages[index],
      node: node.messages[index],
      ourFault: ours.fault,
      nodeFault: node.fault,
      before: ours.messages[index - 1],
      rest: wire.slice(at),
      limits,
      passedOn,
    };
    return { agreed: index, parting, listed: classOf(parting) };
  };
  for (let index = 0; index < common; index++) {
    const mine = ours.messages[index];
    const theirs = node.messages[index];
    if (mine === undefined || theirs === undefined) break;
    if (!equal(mine, theirs)) return part(index, "differ");
    if (mine.last !== theirs.last) return part(index, "persistence");
    if (mine.last) return { agreed: index + 1, parting: null, listed: null };
    at += mine.raw.length;
  }
  const mine = ours.messages[common];
  const theirs = node.messages[common];
  if (mine?.complete === true) return part(common, "node-refuses");
  if (theirs?.complete === true) return part(common, "we-refuse");
  // Neither accepts the next message; what both had of it when they stopped must not contradict.
  if (mine !== undefined && theirs !== undefined && !consistent(mine, theirs)) return part(common, "differ");
  return { agreed: common, parting: null, listed: null };
}

function equal(one: Message, other: Message): boolean {
  return one.body === other.body && sameLines(one.trailers, other.trailers) && sameHead(one, other);
}

function consistent(one: Message, other: Message): boolean {
  return sameHead(one, other) && (one.body.startsWith(other.body) || other.body.startsWith(one.body));
}

function sameHead(one: Message, other: Message): boolean {
  return one.start === other.start && sameLines(one.fields, other.fields);
}

function sameLines(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((line, index) => line === other[index]);
}
