import { CounterId, featureCounterIds } from "../shared/metric-table.ts";
import type { Feature } from "./feature/feature.ts";

/**
 * Maps the outcome of an exchange to the counter (its index in the metric table) that counts it. Outcomes that are not counted are absent.
 */
export function outcomeCounters(features: readonly Pick<Feature, "facts">[]): ReadonlyMap<string, number> {
  const ids = featureCounterIds(features.map(({ facts }) => facts));
  const counters = new Map<string, number>();
  for (const { facts } of features) {
    for (const [name, { outcomes }] of Object.entries(facts.counters)) {
      for (const outcome of outcomes) counters.set(outcome, ids.get(name) ?? 0);
    }
  }
  for (const outcome of ["client_gone", "client_reset", "client_stalled"]) counters.set(outcome, CounterId.client_aborts);
  return counters;
}
