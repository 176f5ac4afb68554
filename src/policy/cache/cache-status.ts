/** The member that this cache adds to Cache-Status (RFC 9211 section 2). */

/** How a request went on. */
export type Forwarded = "bypass" | "method" | "uri-miss" | "vary-miss" | "request" | "stale" | "partial";

export interface CacheOutcome {
  /** Null: the response comes from the store without an endpoint being asked. */
  readonly forwarded: Forwarded | null;
  /** Status of the endpoint's response where the client gets another one. */
  readonly forwardedStatus?: number | undefined;
  readonly stored?: boolean | undefined;
  /** Whether the request waited for that of another client. */
  readonly collapsed?: boolean | undefined;
  /** Seconds for which the response stays fresh; below 0: since when it is stale. */
  readonly ttl?: number | undefined;
  /** A token. */
  readonly detail?: string | undefined;
}

export function cacheStatus({ forwarded, forwardedStatus, stored, collapsed, ttl, detail }: CacheOutcome): string {
  const parts = ["millrace", forwarded === null ? "hit" : `fwd=${forwarded}`];
  if (forwardedStatus !== undefined) parts.push(`fwd-status=${forwardedStatus}`);
  if (ttl !== undefined) parts.push(`ttl=${ttl}`);
  if (stored === true) parts.push("stored");
  if (collapsed === true) parts.push("collapsed");
  if (detail !== undefined) parts.push(`detail=${detail}`);
  return parts.join("; ");
}
