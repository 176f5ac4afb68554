/** What the engine reads of a request. */

export interface LoginRequest {
  readonly method: string;
  /** Scheme, host and port that the client asked, as in `https://app.example.com`. */
  readonly origin: string;
  /** Path and query, as the client sent them. */
  readonly target: string;
  /** The values of all `Cookie` fields, joined with `; `; "": there is none. */
  readonly cookie: string;
  /** Values of the fields of those names; null: absent. */
  readonly accept: string | null;
  readonly secFetchMode: string | null;
  readonly secFetchSite: string | null;
  readonly requestedWith: string | null;
  /** The field `Origin`. */
  readonly originField: string | null;
}

/**
 * Whether a person waits for a page, whom a redirect to a login helps. A script's request would follow the redirect and end in an error that its author
 * does not understand, so it gets a 401 instead.
 */
export function isNavigation(request: LoginRequest): boolean {
  if (request.requestedWith !== null) return false;
  // Every current browser sends it, and no script can set it.
  if (request.secFetchMode !== null) return request.secFetchMode.toLowerCase() === "navigate";
  return request.accept !== null && request.accept.toLowerCase().includes("text/html");
}

/**
 * Whether the browser says that a request comes from our own pages, or from the person's own hand. Null: it does not say.
 * An attacker's page cannot set these fields.
 */
export function fromOwnPages(request: LoginRequest): boolean | null {
  if (request.secFetchSite !== null) return ["same-origin", "none"].includes(request.secFetchSite.toLowerCase());
  if (request.originField !== null) return request.originField.toLowerCase() === request.origin.toLowerCase();
  return null;
}

/** The path of a target. */
export function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
}
