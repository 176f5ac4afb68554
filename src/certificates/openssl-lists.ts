/** Whether OpenSSL takes lists of ciphers and groups. */
import tls from "node:tls";

/** What is wrong with a list of ciphers; null: OpenSSL takes it. @param ciphers names with colons between them */
export function ciphersProblem(ciphers: string): string | null {
  // OpenSSL leaves out names that it does not know, without saying so. Rules such as `!RC4` and `@STRENGTH` are no names.
  const names = ciphers.split(":").filter((name) => /^(?:TLS_|[A-Z0-9]+-)[A-Z0-9_-]+$/.test(name));
  const unknown = names.filter((name) => !isTaken({ ciphers: name }));
  if (unknown.length > 0) return `OpenSSL does not know ${unknown.join(", ")}`;
  return isTaken({ ciphers }) ? null : "OpenSSL knows none of these cipher suites";
}

/** The same for groups, all of which OpenSSL must know. */
export function curvesProblem(curves: string): string | null {
  if (isTaken({ ecdhCurve: curves })) return null;
  const unknown = curves.split(":").filter((name) => !isTaken({ ecdhCurve: name }));
  return unknown.length === 0 ? "OpenSSL does not take these groups together" : `OpenSSL does not know ${unknown.join(", ")}`;
}

function isTaken(options: tls.SecureContextOptions): boolean {
  try {
    tls.createSecureContext(options);
    return true;
  } catch {
    return false;
  }
}
