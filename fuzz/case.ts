/** One case of the fuzzer: everything about it follows from the seed, its number and the corpus. */
import { DEFAULT_LIMITS } from "../src/http1/limits.ts";
import type { MessageLimits } from "../src/http1/limits.ts";
import type { Corpus, Seed } from "./corpus.ts";
import { Draw } from "./draw.ts";
import type { Sender } from "./forward.ts";
import { drawHello } from "./hello-draw.ts";
import type { HelloCase } from "./hello-draw.ts";
import { generateRequests, generateResponses } from "./generate.ts";
import { mutate } from "./mutate.ts";
import { drawText } from "./texts.ts";
import type { TextCase } from "./texts.ts";

export interface WireCase {
  readonly side: "request" | "response";
  readonly wire: string;
  /** Where the bytes are split, ascending. */
  readonly cuts: readonly number[];
  readonly limits: MessageLimits;
  /** Made by the grammar and not changed: it must be accepted. */
  readonly valid: boolean;
  /** The responses answer HEAD. */
  readonly toHead: boolean;
  /** How it is passed on: see forward.ts. */
  readonly sender: Sender;
  readonly unsafeFieldNames: "drop" | "forward";
  readonly clientMinor: 0 | 1;
  readonly close: boolean;
}

export interface ParserCase extends TextCase {
  readonly side: "text";
}

export type Case = WireCase | ParserCase | HelloCase;

/** Small enough that cases of usual length meet them. */
const SMALL_LIMITS: MessageLimits = { headBytesMax: 160, fieldsMax: 4, startLineBytesMax: 40 };

/** The first numbers are the corpus as it stands; behind it come valid messages, changed ones, first messages of TLS clients, and texts for the pure parsers. */
export function drawCase(seed: number, number: number, corpus: Corpus): Case {
  const { requests, responses } = corpus;
  const draw = new Draw(seed, number);
  const asIs = requests[number];
  if (asIs !== undefined) return wireCase("request", asIs.wire, false, false, draw);
  const answer = responses[number - requests.length];
  if (answer !== undefined) return wireCase("response", answer.wire, answer.toHead, false, draw);
  const kind = draw.below(16);
  if (kind === 0) return { side: "text", ...drawText(draw) };
  if (kind === 1) return drawHello(draw);
  return kind < 6 ? drawResponse(draw, responses) : drawRequest(draw, requests);
}

function drawRequest(draw: Draw, seeds: readonly Seed[]): WireCase {
  const generated = draw.oneIn(2);
  const wire = generated ? generateRequests(draw) : draw.pick(seeds).wire;
  if (generated && draw.oneIn(8)) return wireCase("request", wire, false, true, draw);
  const other = draw.oneIn(2) ? generateRequests(draw) : draw.pick(seeds).wire;
  return wireCase("request", mutate(wire, draw, [other, wire]), false, false, draw);
}

function drawResponse(draw: Draw, seeds: readonly Seed[]): WireCase {
  const generated = draw.oneIn(2);
  const seed = draw.pick(seeds);
  const toHead = generated ? draw.oneIn(8) : seed.toHead;
  const wire = generated ? generateResponses(draw, toHead) : seed.wire;
  if (generated && draw.oneIn(8)) return wireCase("response", wire, toHead, true, draw);
  const other = draw.oneIn(2) ? generateResponses(draw, toHead) : draw.pick(seeds).wire;
  return wireCase("response", mutate(wire, draw, [other, wire]), toHead, false, draw);
}

function wireCase(side: WireCase["side"], wire: string, toHead: boolean, valid: boolean, draw: Draw): WireCase {
  return {
    side,
    wire,
    cuts: drawCuts(wire.length, draw),
    limits: !valid && draw.oneIn(12) ? SMALL_LIMITS : DEFAULT_LIMITS,
    valid,
    toHead,
    sender: draw.pick(["client", "client", "x_forwarded_for", "forwarded"]),
    unsafeFieldNames: draw.oneIn(4) ? "forward" : "drop",
    clientMinor: draw.oneIn(6) ? 0 : 1,
    close: draw.oneIn(4),
  };
}

/** A few places, many, or every one. */
export function drawCuts(length: number, draw: Draw): number[] {
  if (draw.oneIn(6)) return [];
  if (length < 600 && draw.oneIn(16)) return Array.from({ length: Math.max(0, length - 1) }, (_, index) => index + 1);
  const cuts = Array.from({ length: draw.oneIn(4) ? draw.between(5, 20) : draw.between(1, 4) }, () => draw.below(length + 1));
  return cuts.sort((one, other) => one - other);
}
