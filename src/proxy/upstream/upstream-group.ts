import type { EndpointSet } from "./endpoint-set.ts";

/**
 * An upstream. The object stays the same over reloads, as long as the configuration names the upstream; a reload only replaces its set of
 * endpoints.
 */
export class UpstreamGroup {
  readonly name: string;
  /** The endpoints that new exchanges choose from. */
  set: EndpointSet;

  constructor(name: string, set: EndpointSet) {
    this.name = name;
    this.set = set;
  }
}
