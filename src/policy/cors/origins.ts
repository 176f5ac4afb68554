/**
 * The origins that a CORS rule admits. The value of an Origin field is a serialised origin (Fetch standard, section 3.2): scheme and host in
 * lower case, and a port only when it is not the scheme's default. It is compared byte for byte. Entries of the configuration are brought
 * into that form first, so `HTTPS://App.example.com:443/` means `https://app.example.com`.
 */
export interface AllowedOrigins {
  /** Whether `*` is among the entries, which admits every origin. */
  readonly any: boolean;
  /** Whether the value of an Origin field is admitted by an entry other than `*`. */
  lists(origin: string): boolean;
}

/**
 * Compiles the entries of a rule. An entry is `*`, `null`, an origin, or an origin whose host begins with `*.`, which admits every subdomain
 * at any depth with the same scheme and port, but not the domain itself. `null` is the origin of sandboxed and local pages, whoever made
 * them; it is admitted only when it is listed.
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

/** The entry `https://*.example.org:8443` as the two texts around the star: `https://` and `.example.org:8443`. */
interface Wildcard {
  readonly before: string;
  readonly after: string;
}

function isSubdomain(origin: string, { before, after }: Wildcard): boolean {
  const labelsEnd = origin.length - after.length;
  if (labelsEnd <= before.length || !origin.startsWith(before) || !origin.endsWith(after)) return false;
  // Only labels may replace the star: "https://evil.test/.example.org" and "https://evil.test:1.example.org" end in the right text too.
  return LABELS.test(origin.slice(before.length, labelsEnd));
}

const LABELS = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

function serialise(entry: string): string {
  const lower = entry.toLowerCase().replace(/\/$/, "");
  if (lower.startsWith("https://")) return lower.replace(/:443$/, "");
  return lower.startsWith("http://") ? lower.replace(/:80$/, "") : lower;
}
