/** Exchanges in which nobody does anything wrong: every framing, method, version and size. */
import type { Kinds } from "./kinds.ts";
import type { Upload } from "./plan.ts";
import type { Random } from "./random.ts";

/** Most bodies are small, some fill several read buffers. */
export function bodyBytes(random: Random): number {
  const kind = random.next();
  if (kind < 0.08) return 0;
  if (kind < 0.6) return random.between(1, 2000);
  if (kind < 0.87) return random.between(2000, 20_000);
  return random.between(20_000, 200_000);
}

/** A body of more than nothing. */
export function someBytes(random: Random): number {
  return bodyBytes(random) + 1;
}

export function upload(random: Random, bytes: number = bodyBytes(random)): Upload {
  return { bytes, framing: random.pick(["length", "chunked"]), pieces: random.chance(0.6) ? 1 : random.between(2, 12) };
}

const BIG_BYTES = 2 * 1024 ** 2;

export const ORDINARY_KINDS: Kinds = {
  "get-length": { weight: 170, plan: (random) => ({ answer: { bytes: bodyBytes(random), delayMs: delay(random) } }) },
  "get-chunked": {
    weight: 120,
    plan: (random) => ({
      answer: { bytes: bodyBytes(random), framing: "chunked", trailers: random.chance(0.2), delayMs: delay(random) },
    }),
  },
  "get-until-close": {
    weight: 40,
    plan: (random) => ({ answer: { bytes: bodyBytes(random), framing: "close", minor: random.pick([0, 1]) } }),
  },
  "get-old-origin": { weight: 10, plan: (random) => ({ answer: { bytes: bodyBytes(random), minor: 0 } }) },
  "get-empty": {
    weight: 40,
    plan: (random) => {
      const status = random.pick([204, 304]);
      return { answer: { status }, outcomes: [`${status}`] };
    },
  },
  "get-status": {
    weight: 40,
    plan: (random) => {
      const status = random.pick([201, 301, 404, 429, 500, 503]);
      return { answer: { status, bytes: bodyBytes(random), framing: random.pick(["length", "chunked"]) }, outcomes: [`${status}`] };
    },
  },
  "get-big": { weight: 2, plan: (random) => ({ answer: { bytes: BIG_BYTES, framing: random.pick(["length", "chunked", "close"]) } }) },
  head: {
    weight: 30,
    plan: (random) => ({ method: "HEAD", answer: { bytes: bodyBytes(random), framing: random.pick(["length", "chunked"]) } }),
  },
  post: {
    weight: 110,
    plan: (random) => ({
      method: "POST",
      upload: upload(random),
      answer: { bytes: bodyBytes(random), framing: random.pick(["length", "chunked"]) },
    }),
  },
  put: { weight: 40, plan: (random) => ({ method: "PUT", upload: upload(random), answer: { status: 201 }, outcomes: ["201"] }) },
  "post-big": {
    weight: 2,
    plan: (random) => ({ method: "POST", upload: { ...upload(random, BIG_BYTES), pieces: 40 }, answer: { bytes: bodyBytes(random) } }),
  },
  "old-client": {
    weight: 30,
    plan: (random) => ({ minor: 0, answer: { bytes: bodyBytes(random), framing: random.pick(["length", "chunked", "close"]) } }),
  },
  "old-client-post": {
    weight: 10,
    plan: (random) => ({
      minor: 0,
      method: "POST",
      upload: { ...upload(random), framing: "length" },
      answer: { bytes: bodyBytes(random) },
    }),
  },
};

/** Some origins think before they answer. */
function delay(random: Random): number {
  return random.chance(0.1) ? random.between(1, 20) : 0;
}
