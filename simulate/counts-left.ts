import { ENDPOINT_COUNT } from "../src/shared/endpoint-table.ts";
import type { EndpointTable } from "../src/shared/endpoint-table.ts";

/** What is left of the counts of exchanges by endpoint, when there should be nothing. */
export function countsLeft(endpoints: EndpointTable): string[] {
  return Array.from({ length: endpoints.capacity }, (_, slot) => {
    const counts = [endpoints.inFlight(slot), ...Object.values(ENDPOINT_COUNT).map((count) => endpoints.total(count, slot))];
    return counts.every((count) => count === 0)
      ? []
      : [`${counts.join(", ")} exchanges in flight, retrying and held at slot ${slot} at the end`];
  }).flat();
}
