/** An answer that the proxy or a middleware gives itself instead of forwarding the request: a refusal, a redirect, a CORS preflight. */
export interface LocalAnswer {
  /** A final status code: 200 to 599. */
  readonly status: number;
  /** Machine-readable word for the log and the metrics, the outcome of the exchange: `rate_limited`, `unauthorized`, `preflight` ... */
  readonly reason: string;
  /** One plain sentence for the client, sent as the body in UTF-8; never an address, a version or a secret. Empty: no body. */
  readonly detail: string;
  /**
   * Further fields of the response, such as Retry-After. One that the proxy would write itself (Date, Content-Type, Cache-Control,
   * Proxy-Status) takes the place of the proxy's.
   */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Error type for the field Proxy-Status (RFC 9209 section 2.3), a token; absent: no such field. */
  readonly proxyStatus?: string;
  /**
   * True for a malformed or late request: the connection ends after this answer, because its sender may not agree with the proxy where the
   * next request begins. Absent: the connection goes on, unless too much of this request's body is still to come.
   */
  readonly endsConnection?: true;
  /**
   * The request's id, for the problem document.
   * @internal
   */
  readonly requestId?: string;
  /**
   * Why there is this answer, for `explain`, where `detail` does not say it. Never sent, and without secrets.
   * @internal
   */
  readonly why?: string;
  /**
   * Further members of the problem document (RFC 9457 section 3.2). With them the body is that document, whatever the client accepts.
   * @internal
   */
  readonly members?: Readonly<Record<string, unknown>>;
  /**
   * A body to send in place of `detail`. Its text is sent in UTF-8, which a `contentType` with a charset must name. Absent: `detail` as a
   * problem document (RFC 9457), or as text for clients that do not accept JSON.
   */
  readonly body?: {
    readonly contentType: string;
    readonly text: string;
    /**
     * The text is octets, one character each, and sent as they are.
     * @internal
     */
    readonly isOctets?: true;
  };
}
