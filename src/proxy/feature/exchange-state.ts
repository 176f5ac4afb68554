import type { ExchangeView } from "./middleware.ts";

/**
 * A value that a middleware keeps for an exchange from one hook to a later one, such as the user that `onRequest` found for
 * `onUpstreamRequest`. Make one `ExchangeState` when the middleware is built; it holds the values of all exchanges, and each value is
 * released with its exchange.
 */
export class ExchangeState<T> {
  private readonly values: WeakMap<ExchangeView, T> = new WeakMap();

  /** The value kept for that exchange; undefined if there is none. */
  of(exchange: ExchangeView): T | undefined {
    return this.values.get(exchange);
  }

  /** Keeps a value for that exchange, in place of the one before. */
  keep(exchange: ExchangeView, value: T): void {
    this.values.set(exchange, value);
  }
}
