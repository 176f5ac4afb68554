import { connectionOptions } from "../../http/connection-options.ts";
import type { ExchangeThread } from "../exchange-thread.ts";
import type { Middleware } from "../feature/middleware.ts";
import type { Route } from "../snapshot.ts";
import type { EndpointSet } from "../upstream/endpoint-set.ts";
import { BackgroundClient } from "./background-client.ts";
import { Exchange } from "./exchange.ts";

/** Time for a whole exchange. */
const TIME_MS = 60_000;

/**
 * Sends the request of an exchange once more to the same upstream (`ExchangeView.refresh`). All middleware edit the request; of what comes back only the one
 * that has asked for it hears, and the client of the first exchange nothing.
 */
export class RefreshStream extends BackgroundClient {
  readonly exchange: Exchange;
  private readonly thread: ExchangeThread;
  private readonly set: EndpointSet;
  private readonly route: Route;

  /** @param asker gets the hooks of the response */
  constructor(original: Exchange, set: EndpointSet, route: Route, asker: Middleware) {
    super(original.downstream);
    const { thread, facts } = original;
    const head = original.request.detach();
    this.thread = thread;
    this.set = set;
    this.route = { ...route, hooks: { ...route.hooks, onUpstreamResponse: [asker], onResponse: [asker], onAnswer: [], onFinish: [asker] } };
    this.exchange = new Exchange(thread, this, head, 0, connectionOptions(head), facts, "", thread.now);
    this.exchange.detour.original = original;
    // Its end is told to the middleware even if it never begins.
    this.exchange.route = this.route;
    if (original.givenId !== "") this.exchange.identify(original.givenId);
    if (original.identity !== null) this.exchange.authenticate(original.identity);
    thread.copies.add(this);
    // Not within an event of the other exchange, with which this one would share its edits (scratch-edits.ts).
    thread.deadlines.set(this, thread.now);
  }

  override onDeadline(): void {
    if (this.exchange.set !== null) return this.giveUp();
    this.thread.deadlines.set(this, this.thread.now + TIME_MS);
    this.exchange.beginAt(this.set, this.route);
  }

  override exchangeFinished(): void {
    this.thread.deadlines.remove(this);
    this.thread.copies.delete(this);
  }
}
