/**
 * Maps a reference of an origin, which knows itself under its own address and below its own path, to the reference that leads the client there.
 */
import { canonicalAuthority, parseReference } from "./reference.ts";
import type { Reference } from "./reference.ts";

/** An entry of the list: references that begin with `from` begin with `to` instead. */
export interface LocationRule {
  readonly from: Reference;
  /** Its values filled in. Called only where `from` fits. */
  readonly to: () => string;
}

/** How the origin and the client name the same site. */
export interface Site {
  /** Of the endpoint's URL. */
  readonly scheme: "http" | "https";
  /** Host and port under which the origin knows itself, in canonical form; empty when no endpoint has answered. */
  readonly own: readonly string[];
  readonly client: {
    readonly scheme: "http" | "https";
    /** "": not known. */
    readonly authority: string;
  };
  /** The client's path for one of the origin. It begins with a slash, as its argument does. */
  readonly clientPath: (path: string) => string;
  readonly rules: readonly LocationRule[];
}

/** The reference for the client; the same text where nothing is to be changed. */
export function mapReference(text: string, site: Site): string {
  const reference = parseReference(text);
  if (reference === null) return text;
  const whose = ownerOf(reference, site);
  for (const { from, to } of site.rules) {
    const left = leftAfter(from, reference, whose, site);
    if (left !== null) return to() + left;
  }
  if (whose === "other") return text;
  const rest = clientRest(reference.rest, site);
  if (whose === "client") return text.slice(0, text.length - reference.rest.length) + rest;
  const { scheme, authority } = site.client;
  if (authority === "") return rest.startsWith("/") ? rest.replace(/^[/\\]+/, "/") : `/${rest}`;
  return `${reference.scheme === "" ? "" : `${scheme}:`}//${authority}${rest}`;
}

/** Whose site the reference names. A path is of the site that the client sees. */
type Owner = "origin" | "client" | "other";

function ownerOf({ scheme, authority }: Reference, { scheme: ownScheme, own, client }: Site): Owner {
  if (authority === null) return "client";
  if (scheme === "" || scheme === ownScheme) {
    const named = canonicalAuthority(ownScheme, authority);
    if (named !== null && own.includes(named)) return "origin";
  }
  const under = scheme === "" ? client.scheme : scheme;
  const named = canonicalAuthority(under, authority);
  return named !== null && client.authority !== "" && named === canonicalAuthority(under, client.authority) ? "client" : "other";
}

/** What follows `from` in a reference; null: the reference does not begin with it. A path fits references to the origin's own site. */
function leftAfter(from: Reference, reference: Reference, whose: Owner, { scheme }: Site): string | null {
  if (from.authority === null) {
    if (whose === "other") return null;
  } else {
    if (reference.authority === null || (from.scheme !== "" && from.scheme !== (reference.scheme === "" ? scheme : reference.scheme)))
      return null;
    const under = reference.scheme === "" ? scheme : reference.scheme;
    if (canonicalAuthority(under, from.authority) !== canonicalAuthority(under, reference.authority)) return null;
  }
  if (!reference.rest.startsWith(from.rest)) return null;
  const left = reference.rest.slice(from.rest.length);
  return from.rest.endsWith("/") || /^(?:[/?#]|$)/.test(left) ? left : null;
}

function clientRest(rest: string, { clientPath }: Site): string {
  const end = rest.search(/[?#]/);
  const path = end < 0 ? rest : rest.slice(0, end);
  const mapped = clientPath(path === "" ? "/" : path);
  // An empty path is that of the root; it is written out only where the client's is another one.
  return (path === "" && mapped === "/" ? "" : mapped) + (end < 0 ? "" : rest.slice(end));
}
