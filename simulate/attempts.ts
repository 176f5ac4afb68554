/** Checks each attempt of an exchange as it begins: whether it may be made, and whether its endpoint may be asked. */
import { UpstreamConnection } from "../src/net/h1/upstream/upstream-connection.ts";
import type { Thread } from "../src/net/thread.ts";
import { Exchange } from "../src/proxy/exchange/exchange.ts";
import type { ResponseSink, UpstreamStream } from "../src/proxy/ports/upstream-stream.ts";
import type { EndpointSet } from "../src/proxy/upstream/endpoint-set.ts";
import type { Endpoint } from "../src/proxy/upstream/endpoint.ts";
import { ENDPOINT_HEALTH } from "../src/shared/endpoint-table.ts";
import type { EndpointTable } from "../src/shared/endpoint-table.ts";
import { idOf } from "./plan.ts";

/** The attempts for one request. */
interface Tries {
  /** The endpoints that were asked, in order. */
  readonly targets: Endpoint[];
  /** The endpoints among them to which a new connection was made; these must not be asked again. */
  readonly failed: Set<Endpoint>;
  readonly set: EndpointSet | null;
  /** How many attempts opened a new connection. Only these count for `retries`; a lost idle connection does not. */
  fresh: number;
  last: UpstreamStream;
}

export class Attempts {
  private readonly endpoints: EndpointTable;
  private readonly fail: (message: string) => void;
  /** By request id. */
  private readonly byId: Map<number, Tries> = new Map();

  constructor(endpoints: EndpointTable, fail: (message: string) => void) {
    this.endpoints = endpoints;
    this.fail = fail;
  }

  /** Wraps the thread's `take` and `dial`, so that every attempt is seen. */
  watch(thread: Thread): void {
    const take = thread.take.bind(thread);
    const dial = thread.dial.bind(thread);
    thread.take = (target, sink) => {
      const upstream = take(target, sink);
      if (upstream !== null) this.begins(target, sink, upstream, 0);
      return upstream;
    };
    thread.dial = (target, sink) => {
      const upstream = dial(target, sink);
      this.begins(target, sink, upstream, 1);
      return upstream;
    };
  }

  /** How many attempts were made for the request. */
  count(id: number): number {
    return this.byId.get(id)?.targets.length ?? 0;
  }

  /** Checks a request without a body that ended because no connection was established: no further attempt may have been possible. */
  checkGivenUp(id: number): void {
    const tries = this.byId.get(id);
    if (tries === undefined || tries.set === null || tries.fresh > tries.set.retries) return;
    const left = tries.set.endpoints.find(
      (endpoint) => !tries.failed.has(endpoint) && this.endpoints.health(endpoint.slot) !== ENDPOINT_HEALTH.unhealthy,
    );
    if (left !== undefined) this.fail(`request ${id} is given up after ${tries.targets.length} attempts, and ${left.url} was not asked`);
  }

  private begins(target: Endpoint, sink: ResponseSink, upstream: UpstreamStream, fresh: 0 | 1): void {
    // The copy of a request has an endpoint of its own, and one attempt.
    if (!(sink instanceof Exchange) || sink.original !== null) return;
    const id = idOf(sink.request.path);
    const { set } = sink;
    const policy = sink.route?.policy ?? null;
    const tries = this.byId.get(id) ?? { targets: [], failed: new Set(), set, fresh: 0, last: upstream };
    const before = tries.targets.length;
    const isHeld = policy !== null && policy.holdMs !== null;
    // Each earlier attempt on a new connection has failed, and counts for `retries`. Held requests try until their time is over.
    if (!isHeld && tries.fresh > (policy?.retry?.attempts ?? set?.retries ?? 0))
      this.fail(`request ${id} is tried again after ${before} attempts, ${tries.fresh} of them charged`);
    if (before > 0 && !isGone(tries.last)) this.fail(`request ${id} is tried again while an attempt goes on`);
    if (!isHeld && tries.failed.has(target)) this.fail(`request ${id} goes to ${target.url} again, where it failed`);
    const health = this.endpoints.health(target.slot);
    if (health === ENDPOINT_HEALTH.unhealthy) this.fail(`request ${id} goes to ${target.url}, which is known to be unhealthy`);
    if (health === ENDPOINT_HEALTH.unknown && set?.probed === true && before === 0) {
      const better = set.endpoints.find(({ slot }) => this.endpoints.health(slot) === ENDPOINT_HEALTH.healthy);
      if (better !== undefined) this.fail(`request ${id} goes to ${target.url}, of which nothing is known, and ${better.url} is healthy`);
    }
    tries.targets.push(target);
    tries.fresh += fresh;
    // The endpoint counts as failed for any attempt that follows.
    if (fresh === 1) tries.failed.add(target);
    tries.last = upstream;
    this.byId.set(id, tries);
  }
}

function isGone(upstream: UpstreamStream): boolean {
  return upstream instanceof UpstreamConnection && upstream.transport.destroyed;
}
