/**
 * Lets time pass before the verdict on a JSON web token. Its signature is verified in another thread, which knows nothing of virtual time: no event is
 * delivered meanwhile, and after it the verdict comes as late as the request's id says.
 */
import type { ExchangeView, Middleware } from "../src/proxy/feature/middleware.ts";
import type { LocalAnswer } from "../src/proxy/local-answer.ts";
import type { Route, Snapshot } from "../src/proxy/snapshot.ts";
import { Draw, seedOf } from "./draw.ts";
import { asksWho } from "./identities.ts";
import { idOf } from "./plan.ts";

/** The library for tokens, which the first of them would otherwise load while time passes. */
await import("jose");

interface Around {
  readonly seed: number;
  readonly clock: { after(ms: number, then: () => void): unknown };
}

export class SlowVerdicts {
  /** How many verdicts come after some time. */
  pending: number = 0;
  /** How many signatures are being verified. */
  private verifying: number = 0;
  /** Called after each signature. */
  private onVerified: () => void = () => {};
  private readonly around: Around;
  private readonly routes: WeakMap<Route, Route> = new WeakMap();

  constructor(around: Around) {
    this.around = around;
  }

  get isVerifying(): boolean {
    return this.verifying > 0;
  }

  /** Waits, in real time, until no signature is being verified. */
  async verified(): Promise<void> {
    while (this.verifying > 0) {
      await new Promise<void>((resolve) => (this.onVerified = resolve));
      // What follows from a verdict comes first.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  bind(snapshot: Snapshot): void {
    const find = snapshot.findRoute.bind(snapshot);
    snapshot.findRoute = (...args) => {
      const route = find(...args);
      return asksWho(route.name) ? this.slowed(route) : route;
    };
  }

  private slowed(route: Route): Route {
    let bound = this.routes.get(route);
    if (bound === undefined) {
      const onRequest = route.hooks.onRequest.map((middleware) => this.slow(middleware));
      this.routes.set(route, (bound = { ...route, hooks: { ...route.hooks, onRequest } }));
    }
    return bound;
  }

  private slow(middleware: Middleware): Middleware {
    const { onRequest } = middleware;
    if (onRequest === undefined) return middleware;
    return {
      ...middleware,
      onRequest: (exchange) => {
        const verdict = onRequest(exchange);
        return verdict instanceof Promise ? this.later(verdict, exchange) : verdict;
      },
    };
  }

  private async later(verdict: Promise<LocalAnswer | null>, { request }: ExchangeView): Promise<LocalAnswer | null> {
    const delayMs = new Draw(seedOf(seedOf(this.around.seed, -25), idOf(request.path))).size(1000);
    this.verifying++;
    const settled = await verdict.finally(() => {
      this.verifying--;
      this.onVerified();
    });
    if (delayMs === 0) return settled;
    this.pending++;
    await new Promise<void>((resolve) => this.around.clock.after(delayMs, resolve));
    this.pending--;
    return settled;
  }
}
