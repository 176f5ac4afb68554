/** Which stored responses a request makes useless (RFC 9111 section 4.4). */

const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** Whether a response to this method with this status shows that what is stored for the target may be old. */
export function invalidates(method: string, status: number): boolean {
  return !SAFE.has(method) && status >= 200 && status < 400;
}

/**
 * The path with its query that a reference of Location or Content-Location leads to, if it has the origin of the request; null: it leads elsewhere, or nowhere.
 * @param base the URL of the request, absolute
 */
export function sameOriginTarget(reference: string, base: string): string | null {
  let url: URL;
  try {
    url = new URL(reference, base);
  } catch {
    return null;
  }
  return url.origin === new URL(base).origin ? `${url.pathname}${url.search}` : null;
}
