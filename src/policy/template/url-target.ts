/** Fills templates for URLs that clients follow: no value of a variable may choose the host. */
import { urlTexts } from "./cleaned-texts.ts";
import { escapeUrl } from "./escapes.ts";
import type { Template, Variable } from "./template.ts";

/** Gives the URL for the values of one request. */
export type UrlTarget = (valueOf: (variable: Variable) => string) => string;

/**
 * Where a variable stands:
 * - `authority`: within the host and port, where its value must not end them, as in `https://{query.shop}.example.com/`
 * - `after`: right after them, so that its value must not go on with them, as in `https://example.com{uri}`
 * - `rest`: anywhere else
 */
type Place = "authority" | "after" | "rest";

export function urlTarget(given: Template): UrlTarget {
  const template = urlTexts(given);
  const leavesHost = namesHost(template);
  const places = placesIn(template);
  const mayLackHost = leavesHost && places.includes("authority");
  const before = template.at(-2);
  // `/new?{query}`: where there is no query, there is no question mark.
  const isQueryLast = typeof template.at(-1) === "object" && typeof before === "string" && before.endsWith("?");
  return (valueOf) => {
    let url = "";
    let isAfter = true;
    let last = "";
    template.forEach((part, index) => {
      if (typeof part === "string") return (url += part);
      const value = escapeUrl(valueOf(part));
      last = value;
      const place = places[index];
      if (place === "authority") return (url += value.replace(/[/?#@]/g, percentEncoded));
      if (place !== "after" || value === "") return (url += value);
      // Only the first one that is not empty stands right after the host.
      if (isAfter && !/^[/?#]/.test(value)) url += "/";
      isAfter = false;
      return (url += value);
    });
    if (isQueryLast && last === "") url = url.slice(0, -1);
    if (mayLackHost) return LACKS_HOST.test(url) ? pathOf(url) : url;
    return leavesHost ? url : withoutHost(url);
  };
}

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** The place of each part that is a variable. */
function placesIn(template: Template): readonly Place[] {
  let outline = "";
  return template.map((part, index) => {
    const authority = /^(?:[A-Za-z][A-Za-z0-9+.-]*:)?\/\/([^/?#]*)$/.exec(outline)?.[1];
    outline += typeof part === "string" ? part : part.name === "scheme" ? "http" : VALUE;
    if (authority === undefined) return "rest";
    const next = template[index + 1];
    const goesOn = typeof next === "string" && !/^[/?#]/.test(next);
    // A host may be continued after a dot, a port after a colon; and without anything before it the variable is the host.
    return goesOn || !/[A-Za-z0-9\]\0]$/.test(authority) ? "authority" : "after";
  });
}

/** A URL in which no host stands before the path. Browsers skip further slashes, and would take the first segment for the host. */
const LACKS_HOST = /^(?:[A-Za-z][A-Za-z0-9+.-]*:)?\/\/(?::[^/?#]*)?(?=[/?#]|$)/;

/** What follows an empty host, as a path of the site that the client is at. Such a client has named no host, as one of HTTP/1.0 may. */
function pathOf(url: string): string {
  const path = url.replace(LACKS_HOST, "");
  return withoutHost(path.startsWith("/") ? path : `/${path}`);
}

/** Stands for a value of which nothing is known. */
const VALUE = "\0";

/** Whether the configuration itself names the host: the target begins with a scheme, which may be `{scheme}`, or with `//`. */
export function namesHost(target: Template): boolean {
  const outline = target.map((part) => (typeof part === "string" ? part : part.name === "scheme" ? "http" : VALUE)).join("");
  return /^(?:[A-Za-z][A-Za-z0-9+.-]*:|\/\/)/.test(outline);
}

/**
 * A target that a variable has made begin with `//` or `/\`, which browsers take for a host, or with a scheme. It begins with one slash
 * instead.
 */
export function withoutHost(target: string): string {
  return /^[^/?#]*:/.test(target) ? `/${target}` : target.replace(/^[/\\]{2,}/, "/");
}
