/** Whether sending a request twice means the same as sending it once (RFC 9110 section 9.2.2). Methods that we do not know are taken for unsafe. */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);
