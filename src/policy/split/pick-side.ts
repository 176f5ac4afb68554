/**
 * Decides which of several upstreams a request goes to, by weights: by chance, or so that a client always gets the same one. The caller gives the
 * randomness, or a hash.
 */

/** One of the upstreams of a split. */
export interface Side {
  readonly upstream: string;
  /** Share of the requests, in proportion to the other weights. 0: none. At least one weight is above 0. */
  readonly weight: number;
}

/**
 * Returns the position of a side.
 * @param random at least 0 and below 1
 */
export function pickByChance(sides: readonly Side[], random: number): number {
  let left = random * totalWeight(sides);
  let last = 0;
  for (const [position, { weight }] of sides.entries()) {
    if (weight === 0) continue;
    last = position;
    left -= weight;
    if (left < 0) return position;
  }
  // Rounding may leave a tiny rest.
  return last;
}

/**
 * Returns the position of a side that depends on nothing but the weights and the hash: weighted rendezvous hashing (Schindelhauer and Schomaker,
 * "Weighted Distributed Hash Tables", 2005). Each side draws -ln(hash) / weight, and the least number wins. So all threads and machines agree; the
 * order of the sides does not matter; and when weights change, a client only moves to a side whose share has grown, or away from one whose share
 * has shrunk.
 * @param hashOf a number above 0 and below 1, which depends on the client and on the name of that upstream
 */
export function pickByHash(sides: readonly Side[], hashOf: (upstream: string) => number): number {
  let chosen = 0;
  let least = Infinity;
  for (const [position, { upstream, weight }] of sides.entries()) {
    if (weight === 0) continue;
    const drawn = -Math.log(hashOf(upstream)) / weight;
    if (drawn >= least) continue;
    least = drawn;
    chosen = position;
  }
  return chosen;
}

/** The part of all requests, from 0 to 1, that each side gets. */
export function sharesOf(sides: readonly Side[]): readonly number[] {
  const total = totalWeight(sides);
  return sides.map(({ weight }) => weight / total);
}

function totalWeight(sides: readonly Side[]): number {
  return sides.reduce((sum, { weight }) => sum + weight, 0);
}
