/** Exchanges in which the client misbehaves, or does what few clients do (F15 to F18; attacks 1 to 25, 46 and 47 of the requirements). */
import { HOSTILE } from "./hostile.ts";
import type { Kinds } from "./kinds.ts";
import { bodyBytes, someBytes, upload } from "./ordinary-kinds.ts";
import type { Outcome } from "./plan.ts";
import type { Random } from "./random.ts";

/** More than the buffers of two sockets hold: on loopback the kernel takes about 4 MB for a reader that does not read. */
export const UNREAD_BYTES: number = 12 * 1024 ** 2;

/** About what those buffers hold, so that the last write waits; or more, so that many do. */
export function crowdingBytes(random: Random): number {
  return random.chance(0.6) ? random.between(3_500_000, 4_800_000) : random.between(4_800_000, 9_000_000);
}

export const CLIENT_KINDS: Kinds = {
  "leave-in-head": {
    weight: 14,
    plan: (random) => ({
      method: random.pick(["GET", "POST"]),
      client: { do: "leave", phase: "head", how: random.pick(["fin", "rst"]), share: random.next() },
      // After a FIN the proxy may still say 400 before the client is gone.
      outcomes: ["left"],
    }),
  },
  "leave-in-upload": {
    weight: 14,
    plan: (random) => ({
      method: "POST",
      upload: upload(random, someBytes(random)),
      client: { do: "leave", phase: "upload", how: random.pick(["fin", "rst"]), share: random.next() },
      outcomes: ["left"],
    }),
  },
  "leave-waiting": {
    weight: 14,
    plan: (random) => ({
      method: random.pick(["GET", "HEAD"]),
      client: { do: "leave", phase: "waiting", how: random.pick(["fin", "rst"]), share: random.next() },
      answer: { bytes: bodyBytes(random), delayMs: random.between(1, 100) },
      outcomes: ["left", "200"],
    }),
  },
  "leave-in-response": {
    weight: 16,
    plan: (random) => ({
      client: { do: "leave", phase: "response", how: random.pick(["fin", "rst"]), share: random.next() },
      answer: {
        bytes: random.pick([someBytes(random), random.between(100_000, 1_000_000)]),
        framing: random.pick(["length", "chunked", "close"]),
      },
      // What is short comes whole with its head.
      outcomes: ["left", "200"],
    }),
  },
  "both-fail": {
    weight: 10,
    plan: (random) => {
      const bytes = someBytes(random);
      const outcomes: Outcome[] = ["left", "cut", "own 502"];
      return {
        answer: { bytes, framing: random.pick(["length", "chunked"]), delayMs: random.between(0, 10) },
        deed: { do: "end-in-body", how: random.pick(["fin", "rst"]), at: random.below(bytes) },
        client: { do: "leave", phase: random.pick(["waiting", "response"]), how: random.pick(["fin", "rst"]), share: random.next() },
        outcomes,
      };
    },
  },
  "half-close": {
    weight: 14,
    plan: (random) => ({
      client: { do: "half-close" },
      answer: { bytes: bodyBytes(random), framing: random.pick(["length", "chunked", "close"]), delayMs: random.below(60) },
    }),
  },
  "half-close-post": {
    weight: 6,
    plan: (random) => ({ method: "POST", upload: upload(random), client: { do: "half-close" }, answer: { delayMs: random.below(60) } }),
  },
  expect: {
    weight: 12,
    plan: (random) => ({ method: "POST", upload: upload(random, someBytes(random)), client: { do: "expect" } }),
  },
  "expect-refused": {
    weight: 5,
    plan: (random) => ({
      method: "POST",
      upload: upload(random, someBytes(random)),
      client: { do: "expect" },
      deed: { do: "early", after: "read-on" },
      answer: { status: 403, bytes: bodyBytes(random) },
      outcomes: ["403"],
    }),
  },
  "drip-request": { weight: 6, plan: (random) => ({ client: { do: "drip-head" }, answer: { bytes: bodyBytes(random) } }) },
  "slow-reader": {
    weight: 4,
    plan: (random) => ({
      client: { do: "slow-read" },
      answer: { bytes: crowdingBytes(random), framing: random.pick(["length", "chunked", "close"]) },
    }),
  },
  "never-reads": {
    weight: 0.2,
    plan: (random) => ({
      client: { do: "never-read" },
      answer: { bytes: UNREAD_BYTES, framing: random.pick(["length", "chunked"]) },
      outcomes: ["cut"],
    }),
  },
  "stall-in-request-head": { weight: 1, plan: () => ({ client: { do: "stall", where: "head" }, outcomes: ["own 408"] }) },
  "stall-in-request-body": {
    weight: 1,
    plan: (random) => ({
      method: "POST",
      upload: upload(random, someBytes(random)),
      client: { do: "stall", where: "body" },
      outcomes: ["own 408"],
    }),
  },
  hostile: {
    weight: 40,
    plan: (random) => {
      const hostile = random.pick(HOSTILE);
      return { method: "POST", client: { do: "hostile", hostile }, outcomes: [`own ${hostile.status}`] };
    },
  },
};
