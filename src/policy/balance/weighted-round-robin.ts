import { NO_ENDPOINT } from "./balancer.ts";
import type { Balancer, Choice } from "./balancer.ts";

/**
 * Smooth weighted round robin, as nginx does it: at each choice every usable endpoint earns its weight, the one with the highest
 * credit is chosen and pays what all earned together. Over a cycle (the sum of the weights) each endpoint is chosen exactly as often as
 * its weight says, and the choices of a heavy endpoint are spread over the cycle: weights 5, 1, 1 give a a b a c a a.
 *
 * One choice looks at every endpoint; with 1,000 of them that takes some ten microseconds.
 */
export class WeightedRoundRobin implements Balancer {
  private readonly weights: Int32Array;
  /** What each endpoint has earned and not yet paid; negative where it has paid more. */
  private readonly credits: Int32Array;

  /**
   * @param weights 1 to 1,000 each
   * @param start how many choices to skip; each thread gives another number, so that they do not all begin with the heaviest endpoint
   */
  constructor(weights: readonly number[], start: number) {
    this.weights = Int32Array.from(weights);
    this.credits = new Int32Array(weights.length);
    const cycle = sumOf(this.weights);
    for (let skipped = cycle === 0 ? 0 : start % cycle; skipped > 0; skipped--) this.next(ALL_USABLE);
  }

  next(choice: Pick<Choice, "usable">): number {
    const { weights, credits } = this;
    let total = 0;
    let chosen = NO_ENDPOINT;
    let most = 0;
    for (let index = 0; index < weights.length; index++) {
      if (!choice.usable(index)) continue;
      const weight = weights[index] ?? 0;
      const credit = (credits[index] ?? 0) + weight;
      credits[index] = credit;
      total += weight;
      if (chosen === NO_ENDPOINT || credit > most) {
        chosen = index;
        most = credit;
      }
    }
    if (chosen !== NO_ENDPOINT) credits[chosen] = most - total;
    return chosen;
  }

  /**
   * Endpoints that stay keep their credits, scaled to the length of the new cycle: without the scaling a light endpoint could wait for
   * a whole cycle of the old, heavy weights. The credits and debts of endpoints that are gone are shared by all, so that credits still sum
   * up to zero.
   */
  takeOver(before: Balancer, positions: readonly number[]): void {
    if (!(before instanceof WeightedRoundRobin)) return;
    const { credits, weights } = this;
    const scale = sumOf(weights) / Math.max(1, sumOf(before.weights));
    for (const [index, position] of positions.entries()) credits[index] = Math.trunc((before.credits[position] ?? 0) * scale);
    const surplus = sumOf(credits);
    const each = Math.trunc(surplus / credits.length);
    for (let index = 0; index < credits.length; index++) credits[index] = (credits[index] ?? 0) - each;
    if (credits.length > 0) credits[0] = (credits[0] ?? 0) - (surplus - each * credits.length);
  }
}

function sumOf(numbers: Int32Array): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

const ALL_USABLE: Pick<Choice, "usable"> = { usable: () => true };
