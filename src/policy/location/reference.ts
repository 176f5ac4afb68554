/** Parses what stands in Location and its like: a URL, `//host/path`, or a path. */

export interface Reference {
  /** `http` or `https`; "" for `//host/path` and for a path. */
  readonly scheme: "http" | "https" | "";
  /** As received; null for a path. */
  readonly authority: string | null;
  /** Path, query and fragment as received. */
  readonly rest: string;
}

/**
 * Null: it is none of the three, such as a path without a slash, which is relative to the URL of the request. So is what programs read in different
 * ways, such as a host before `\`.
 */
export function parseReference(text: string): Reference | null {
  const absolute = /^(?:(https?):)?\/\/([^/?#\\]+)(.*)$/is.exec(text);
  if (absolute !== null) {
    const [, scheme = "", authority = "", rest = ""] = absolute;
    return /^(?:[/?#]|$)/.test(rest) ? { scheme: schemeNamed(scheme), authority, rest } : null;
  }
  return /^\/(?![/\\])/.test(text) ? { scheme: "", authority: null, rest: text } : null;
}

function schemeNamed(text: string): Reference["scheme"] {
  const scheme = text.toLowerCase();
  return scheme === "http" || scheme === "https" ? scheme : "";
}

/** Host and port, in lower case and without user, password and the scheme's own port. Null: it is none. */
export function canonicalAuthority(scheme: "http" | "https", authority: string): string | null {
  const url = `${scheme}://${authority}/`;
  return URL.canParse(url) ? new URL(url).host : null;
}

/** What stands before, in and after the URL of a Refresh field (HTML standard, section 4.2.5.3). Null: it has none. */
export function splitRefresh(value: string): readonly [before: string, url: string, after: string] | null {
  const parts = /^([0-9.]+[ \t]*[;, \t][ \t]*(?:url[ \t]*=[ \t]*)?)(?:(["'])([^]*)|([^]*))$/i.exec(value);
  if (parts === null) return null;
  const [, before = "", quote, quoted = "", plain = ""] = parts;
  if (quote === undefined) return plain === "" ? null : [before, plain, ""];
  const end = quoted.indexOf(quote);
  return end < 0 ? [before + quote, quoted, ""] : [before + quote, quoted.slice(0, end), quoted.slice(end)];
}
