/** Exchanges in which the origin misbehaves (F1 to F14 of the fault matrix: refusal, loss, stalls, garbage, floods, early answers). */
import { UNREAD_BYTES, crowdingBytes } from "./client-kinds.ts";
import type { Kinds } from "./kinds.ts";
import { bodyBytes, someBytes, upload } from "./ordinary-kinds.ts";
import type { Answer, Outcome, Upload } from "./plan.ts";
import type { Random } from "./random.ts";

const BAD_GATEWAY: readonly Outcome[] = ["own 502"];

const GARBAGE: readonly [string, ...string[]] = [
  "nonsense\r\n\r\n",
  "hello world\r\n",
  "HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 1000 X\r\nContent-Length: 0\r\n\r\n",
  "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
  "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
  "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
  "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551621\r\n\r\nhello",
  "HTTP/1.1 200 OK\r\nX-A: b\0c\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 200 OK\r\nX-A: b\rX-B: c\r\nContent-Length: 0\r\n\r\n",
  "\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0d\r\n",
];

export const ORIGIN_KINDS: Kinds = {
  refused: {
    weight: 6,
    plan: (random) => ({ ...asked(random), route: "refused", outcomes: BAD_GATEWAY }),
  },
  "end-before-head": {
    weight: 16,
    plan: (random) => ({
      ...asked(random),
      deed: { do: "end-before-head", how: random.pick(["fin", "rst"]), atHead: random.chance(0.5) },
      outcomes: BAD_GATEWAY,
    }),
  },
  flaky: {
    weight: 10,
    plan: (random) => ({
      method: random.pick(["GET", "PUT"]),
      // Short enough to be sent again whole.
      upload: random.chance(0.5) ? { ...upload(random, random.between(0, 15_000)), pieces: 1 } : null,
      deed: { do: "flaky", how: random.pick(["fin", "rst"]) },
      answer: { bytes: bodyBytes(random) },
    }),
  },
  "flaky-post": {
    weight: 5,
    plan: (random) => ({
      method: "POST",
      upload: upload(random, random.between(0, 15_000)),
      deed: { do: "flaky", how: random.pick(["fin", "rst"]) },
      outcomes: BAD_GATEWAY,
    }),
  },
  "end-in-head": {
    weight: 16,
    plan: (random) => ({
      ...asked(random),
      deed: { do: "end-in-head", how: random.pick(["fin", "rst"]), share: random.next() },
      outcomes: BAD_GATEWAY,
    }),
  },
  "fin-in-body": {
    weight: 14,
    plan: (random) => {
      const bytes = someBytes(random);
      const answer: Partial<Answer> = { bytes, framing: random.pick(["length", "chunked"]) };
      return { ...oldOrNew(random), deed: { do: "end-in-body", how: "fin", at: random.below(bytes) }, answer, outcomes: ["cut"] };
    },
  },
  "rst-in-body": {
    weight: 16,
    plan: (random) => {
      const bytes = someBytes(random);
      const answer: Partial<Answer> = { bytes, framing: random.pick(["length", "chunked", "close"]) };
      // A reset can overtake what was sent before it: then there was no head.
      const outcomes: Outcome[] = ["cut", "own 502"];
      return { ...oldOrNew(random), deed: { do: "end-in-body", how: "rst", at: random.below(bytes) }, answer, outcomes };
    },
  },
  garbage: {
    weight: 14,
    plan: (random) => ({
      ...asked(random),
      deed: { do: "garbage", wire: random.pick(GARBAGE), how: random.pick(["stay", "fin", "rst"]) },
      outcomes: BAD_GATEWAY,
    }),
  },
  "endless-head": { weight: 2, plan: () => ({ deed: { do: "endless-head" }, outcomes: BAD_GATEWAY }) },
  interims: {
    weight: 16,
    plan: (random) => ({
      ...oldOrNew(random),
      deed: { do: "interims", statuses: interims(random, random.between(1, 20)) },
      answer: { bytes: bodyBytes(random) },
    }),
  },
  "interim-flood": {
    weight: 3,
    plan: (random) => ({ deed: { do: "interims", statuses: interims(random, random.between(40, 300)) }, outcomes: BAD_GATEWAY }),
  },
  "switch-unasked": { weight: 3, plan: () => ({ deed: { do: "interims", statuses: [101] }, outcomes: BAD_GATEWAY }) },
  excess: {
    weight: 12,
    plan: (random) => ({
      deed: { do: "excess", bytes: random.between(1, 5000) },
      answer: { bytes: random.below(10_000), framing: random.pick(["length", "chunked"]) },
    }),
  },
  late: {
    weight: 14,
    // A reused connection may deliver the stray bytes as an answer that cannot be one.
    plan: (random) => ({ route: "late", answer: { bytes: bodyBytes(random) }, outcomes: ["200", "own 502"] }),
  },
  restless: {
    weight: 40,
    plan: (random) => ({ method: random.pick(["GET", "HEAD"]), route: "restless", answer: { bytes: bodyBytes(random) } }),
  },
  "restless-post": {
    weight: 8,
    // What is not idempotent is not sent twice.
    plan: (random) => ({ method: "POST", route: "restless", upload: upload(random), outcomes: ["200", "own 502"] }),
  },
  "early-read-on": { weight: 6, plan: (random) => ({ ...early(random), deed: { do: "early", after: "read-on" } }) },
  // Whoever gets the connection before its end is noticed must bear with it, so these have an upstream where that is usual.
  "early-fin": {
    weight: 5,
    plan: (random) => ({ ...early(random), route: "restless", deed: { do: "early", after: "fin" }, outcomes: ["200", "own 502"] }),
  },
  "early-rst": {
    weight: 5,
    // With an upload on its way, cutting the client is a reset, and that can overtake the head.
    plan: (random) => ({
      ...early(random),
      route: "restless",
      deed: { do: "early", after: "rst" },
      outcomes: ["200", "own 502", "cut", "closed"],
    }),
  },
  "drip-answer": {
    weight: 4,
    plan: (random) => ({ ...oldOrNew(random), deed: { do: "drip-head" }, answer: { bytes: bodyBytes(random) } }),
  },
  "slow-taker": {
    weight: 2,
    plan: (random) => ({
      method: "POST",
      upload: { ...upload(random, crowdingBytes(random)), pieces: 80 },
      deed: { do: "slow-read" },
    }),
  },
  stall: {
    weight: 3,
    plan: (random) => ({ ...asked(random), deed: { do: "stall", where: random.pick(["head", "in-head"]) }, outcomes: ["own 504"] }),
  },
  "stall-body": {
    weight: 1.5,
    plan: (random) => ({
      deed: { do: "stall", where: "body" },
      answer: { bytes: someBytes(random), framing: random.pick(["length", "chunked"]) },
      outcomes: ["cut"],
    }),
  },
  "stall-upload": {
    weight: 0.2,
    plan: (random) => ({
      method: "POST",
      upload: { ...upload(random, UNREAD_BYTES), pieces: 200 },
      deed: { do: "stall", where: "upload" },
      outcomes: ["own 504"],
    }),
  },
};

/** A request with or without a body. */
function asked(random: Random): { method: "GET" | "POST"; upload: Upload | null } {
  return random.chance(0.7) ? { method: "GET", upload: null } : { method: "POST", upload: upload(random) };
}

function oldOrNew(random: Random): { minor: 0 | 1 } {
  return { minor: random.chance(0.2) ? 0 : 1 };
}

function early(random: Random): { method: "POST"; upload: Upload; answer: { status: number; bytes: number } } {
  const bytes = random.between(1, 400_000);
  return { method: "POST", upload: { ...upload(random, bytes), pieces: 8 }, answer: { status: 200, bytes: random.between(0, 20_000) } };
}

function interims(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => random.pick([100, 102, 103]));
}
