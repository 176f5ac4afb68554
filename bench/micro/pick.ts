/** Operations: choosing the endpoint for a request, as an Exchange does, with one look into the shared table for each candidate. */
import { plainConfig } from "../../src/config/plain.ts";
import { EndpointChoice } from "../../src/proxy/upstream/endpoint-choice.ts";
import { Upstreams } from "../../src/proxy/upstream/upstreams.ts";
import { EndpointTable } from "../../src/shared/endpoint-table.ts";
import type { Operation, Run } from "./operation.ts";

export const pick: readonly Operation[] = [
  { name: "pick/round-robin-2", about: "2 endpoints of equal weight", prepare: () => picks(2, () => 1) },
  { name: "pick/round-robin-1000", about: "1,000 endpoints of equal weight", prepare: () => picks(1000, () => 1) },
  { name: "pick/weighted-2", about: "2 endpoints of different weights", prepare: () => picks(2, (index) => 1 + index) },
  { name: "pick/weighted-1000", about: "1,000 endpoints of different weights", prepare: () => picks(1000, (index) => 1 + (index % 7)) },
];

function picks(endpoints: number, weight: (index: number) => number): Run {
  const config = plainConfig("127.0.0.1:0", "http://127.0.0.1:9");
  const { app } = config.upstreams;
  if (app === undefined) throw new Error("there is no upstream");
  app.endpoints = Array.from({ length: endpoints }, (_, index) => ({ url: `http://127.0.0.1:${1 + index}`, weight: weight(index) }));
  const plan = new Upstreams(0, () => "").plan(config.upstreams, { app: app.endpoints.map((_, slot) => slot) });
  plan.apply();
  const group = plan.groups.get("app");
  if (group === undefined) throw new Error("there is no upstream");
  const choice = new EndpointChoice(new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes())), Math.random);
  return (count) => {
    let sum = 0;
    for (let n = 0; n < count; n++) sum += choice.among(group.set, null, "192.0.2.1").next()?.position ?? 0;
    return sum;
  };
}
