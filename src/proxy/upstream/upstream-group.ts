import type { EndpointSet } from "./endpoint-set.ts";

/** An upstream by its name. It outlives the configurations that name it; each brings it a set of endpoints, in one assignment. */
export class UpstreamGroup {
  readonly name: string;
  /** What exchanges that begin now choose from. */
  set: EndpointSet;

  constructor(name: string, set: EndpointSet) {
    this.name = name;
    this.set = set;
  }
}
