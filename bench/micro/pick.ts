/** The endpoint for a request, as an Exchange asks for it: one question to the shared table for each candidate. */
import type { Usable } from "../../src/policy/balance/balancer.ts";
import { makeBalancer } from "../../src/policy/balance/make-balancer.ts";
import { EndpointTable } from "../../src/shared/endpoint-table.ts";
import type { Operation, Run } from "./operation.ts";

export const pick: readonly Operation[] = [
  { name: "pick/round-robin-2", about: "2 endpoints of equal weight", prepare: () => picks(2, () => 1) },
  { name: "pick/round-robin-1000", about: "1,000 endpoints of equal weight", prepare: () => picks(1000, () => 1) },
  { name: "pick/weighted-2", about: "2 endpoints of different weights", prepare: () => picks(2, (index) => 1 + index) },
  { name: "pick/weighted-1000", about: "1,000 endpoints of different weights", prepare: () => picks(1000, (index) => 1 + (index % 7)) },
];

function picks(endpoints: number, weight: (index: number) => number): Run {
  const weights = Array.from({ length: endpoints }, (_, index) => ({ weight: weight(index) }));
  const balancer = makeBalancer(weights, 0);
  const candidates = new Candidates(endpoints);
  return (count) => {
    let sum = 0;
    for (let n = 0; n < count; n++) sum += balancer.next(candidates);
    return sum;
  };
}

class Candidates implements Usable {
  private readonly slots: readonly { readonly slot: number }[];
  private readonly table: EndpointTable = new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes()));

  constructor(count: number) {
    this.slots = Array.from({ length: count }, (_, slot) => ({ slot }));
  }

  usable(index: number): boolean {
    const target = this.slots[index];
    return target !== undefined && this.table.health(target.slot) !== 2;
  }
}
