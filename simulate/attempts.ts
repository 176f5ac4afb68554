/** Looks at each attempt as it begins: to which endpoint it goes, and whether it may be made. */
import { UpstreamConnection } from "../src/net/h1/upstream/upstream-connection.ts";
import type { Thread } from "../src/net/thread.ts";
import { Exchange } from "../src/proxy/exchange/exchange.ts";
import type { ResponseSink, Upstream } from "../src/proxy/ports.ts";
import { idOf } from "./plan.ts";

interface Tries {
  /** Attempts so far. */
  count: number;
  /** Those among them whose connection was made for them. One on an idle connection that is lost is not charged to `retries`. */
  fresh: number;
  last: Upstream;
}

export class Attempts {
  private readonly fail: (message: string) => void;
  /** Of each request that was sent to an endpoint, or was to be. */
  private readonly byId: Map<number, Tries> = new Map();

  constructor(fail: (message: string) => void) {
    this.fail = fail;
  }

  watch(thread: Thread): void {
    const take = thread.take.bind(thread);
    const dial = thread.dial.bind(thread);
    thread.take = (target, sink) => {
      const upstream = take(target, sink);
      if (upstream !== null) this.begins(sink, upstream, 0);
      return upstream;
    };
    thread.dial = (target, sink) => {
      const upstream = dial(target, sink);
      this.begins(sink, upstream, 1);
      return upstream;
    };
  }

  /** Attempts to have that request answered. */
  count(id: number): number {
    return this.byId.get(id)?.count ?? 0;
  }

  private begins(sink: ResponseSink, upstream: Upstream, fresh: 0 | 1): void {
    if (!(sink instanceof Exchange)) return;
    const id = idOf(sink.request.path);
    const before = this.byId.get(id);
    if (before === undefined) return void this.byId.set(id, { count: 1, fresh, last: upstream });
    // Each attempt before on a fresh connection has failed, and is charged.
    const retries = sink.set?.retries ?? 0;
    if (before.fresh > retries) this.fail(`request ${id} is tried again after ${before.fresh} attempts, with ${retries} retries allowed`);
    if (!isGone(before.last)) this.fail(`request ${id} is tried again while an attempt goes on`);
    before.count++;
    before.fresh += fresh;
    before.last = upstream;
  }
}

function isGone(upstream: Upstream): boolean {
  return upstream instanceof UpstreamConnection && upstream.transport.destroyed;
}
