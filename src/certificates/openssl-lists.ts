/** Whether OpenSSL takes lists of ciphers and groups. */
import tls from "node:tls";

/** What is wrong with a list of ciphers; null: OpenSSL takes it. @param ciphers names with colons between them */
export function ciphersProblem(ciphers: string): string | null {
  const unknown = unknownCiphers(ciphers);
  if (unknown.length > 0) return `OpenSSL does not know ${unknown.join(", ")}`;
  return isTaken({ ciphers }) ? null : "OpenSSL knows none of these cipher suites";
}

/** The names of a list that OpenSSL leaves out, because it does not know them, without saying so. */
export function unknownCiphers(ciphers: string): readonly string[] {
  // Rules such as `!RC4` and `@STRENGTH` are no names.
  const names = ciphers.split(":").filter((name) => /^(?:TLS_|[A-Z0-9]+-)[A-Z0-9_-]+$/.test(name));
  return names.filter((name) => !isTaken({ ciphers: name }));
}

/** The same for groups, all of which OpenSSL must know. */
export function curvesProblem(curves: string): string | null {
  if (isTaken({ ecdhCurve: curves })) return null;
  const unknown = unknownCurves(curves);
  return unknown.length === 0 ? "OpenSSL does not take these groups together" : `OpenSSL does not know ${unknown.join(", ")}`;
}

/** The groups of a list that OpenSSL does not know. */
export function unknownCurves(curves: string): readonly string[] {
  return curves.split(":").filter((name) => !isTaken({ ecdhCurve: name }));
}

function isTaken(options: tls.SecureContextOptions): boolean {
  try {
    tls.createSecureContext(options);
    return true;
  } catch {
    return false;
  }
}
