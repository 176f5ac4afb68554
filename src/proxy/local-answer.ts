/** What the proxy answers itself instead of forwarding. */
export interface LocalAnswer {
  readonly status: number;
  /** Why, in one machine-readable word for the log and the metrics: `rate_limited`, `unauthorized`, `preflight` ... */
  readonly reason: string;
  /** One plain sentence for the person at the other end; never an address, a version or a secret. Empty: no body. */
  readonly detail: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** RFC 9209 error type; absent: no Proxy-Status field. */
  readonly proxyStatus?: string;
  /** A body of its own instead of the problem document. */
  readonly body?: { readonly contentType: string; readonly text: string };
}
