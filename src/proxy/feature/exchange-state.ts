import type { ExchangeView } from "./middleware.ts";

/**
 * A place where a middleware keeps something with an exchange, from one phase to the next: what admission learned about the client, for the
 * request that goes upstream. Made once, with the middleware; what is kept goes with the exchange.
 */
export class ExchangeState<T> {
  private readonly values: WeakMap<ExchangeView, T> = new WeakMap();

  /** What was kept for that exchange; undefined: nothing was. */
  of(exchange: ExchangeView): T | undefined {
    return this.values.get(exchange);
  }

  keep(exchange: ExchangeView, value: T): void {
    this.values.set(exchange, value);
  }
}
