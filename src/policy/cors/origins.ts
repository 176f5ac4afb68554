/**
 * Which origins a CORS rule admits. An Origin field holds a serialised origin (Fetch standard, section 3.2): lower-case scheme and host,
 * a port only when it is not the scheme's default. It is compared byte for byte; entries of the configuration are brought into that form
 * first, so `HTTPS://App.example.com:443/` means `https://app.example.com`.
 */
export interface AllowedOrigins {
  /** `*` is listed: every origin is admitted. */
  readonly any: boolean;
  /** Whether the value of an Origin field is admitted by an entry other than `*`. */
  lists(origin: string): boolean;
}

/**
 * Entries are `*`, `null`, an origin, or an origin whose host begins with `*.`: any subdomain at any depth, never the bare domain; scheme
 * and port must be equal. `null` stands for sandboxed and local pages of anybody and is admitted only when it is listed.
 */
export function compileOrigins(entries: readonly string[]): AllowedOrigins {
  const exact = new Set<string>();
  const wildcards: Wildcard[] = [];
  for (const entry of entries) {
    const origin = serialise(entry);
    const star = origin.indexOf("://*.");
    if (star < 0) exact.add(origin);
    else wildcards.push({ before: origin.slice(0, star + 3), after: origin.slice(star + 4) });
  }
  const any = exact.delete("*");
  return {
    any,
    lists: (origin) => exact.has(origin) || wildcards.some((wildcard) => isSubdomain(origin, wildcard)),
  };
}

/** `https://` and `.example.org:8443`. */
interface Wildcard {
  readonly before: string;
  readonly after: string;
}

function isSubdomain(origin: string, { before, after }: Wildcard): boolean {
  const labelsEnd = origin.length - after.length;
  if (labelsEnd <= before.length || !origin.startsWith(before) || !origin.endsWith(after)) return false;
  // Nothing but labels may stand for the star: "https://evil.test/.example.org" and "https://evil.test:1.example.org" end alike.
  return LABELS.test(origin.slice(before.length, labelsEnd));
}

const LABELS = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

function serialise(entry: string): string {
  const lower = entry.toLowerCase().replace(/\/$/, "");
  if (lower.startsWith("https://")) return lower.replace(/:443$/, "");
  return lower.startsWith("http://") ? lower.replace(/:80$/, "") : lower;
}
