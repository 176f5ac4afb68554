import type { ExchangeView } from "./middleware.ts";

/**
 * A value that a middleware keeps for an exchange from one hook to a later one, such as the user that `onRequest` found for
 * `onUpstreamRequest`. Make one `ExchangeState` when the middleware is built; it holds the values of all exchanges, and each value is
 * released with its exchange.
 */
export class ExchangeState<T> {
  private readonly values: WeakMap<ExchangeView, T> = new WeakMap();

  /** The value kept for that exchange; undefined if there is none. For the copy of a request (`mirror`) it is that of the original. */
  of(exchange: ExchangeView): T | undefined {
    const { original = null } = exchange;
    return this.values.get(exchange) ?? (original === null ? undefined : this.values.get(original));
  }

  /** Keeps a value for that exchange, in place of the one before. */
  keep(exchange: ExchangeView, value: T): void {
    this.values.set(exchange, value);
  }
}
