import type { IncomingMessage } from "node:http";
import { Globs, isGlob } from "./glob.ts";
import type { Filter } from "./options.ts";

/** Decides by the URL of a request whether it is proxied. */
export type PathTest = (url: string | undefined, request: IncomingMessage) => boolean;

/** Throws a TypeError for a filter that cannot be used. */
export function pathTest(filter: Filter | undefined): PathTest {
  if (filter === undefined) return () => true;
  if (typeof filter === "function") return (url, request) => Boolean(filter(pathOf(url) ?? "", request));
  const listed: readonly unknown[] = Array.isArray(filter) ? filter : [filter];
  const texts = listed.filter((each) => typeof each === "string");
  if (texts.length < listed.length)
    throw new TypeError(`pathFilter: expected a path such as "/api", patterns, a list of these, or a function`);
  const patterns = texts.filter(isGlob);
  if (patterns.length === 0) {
    return (url) => {
      const path = pathOf(url);
      return path !== undefined && texts.some((start) => path.startsWith(start));
    };
  }
  if (patterns.length < texts.length)
    throw new TypeError(`pathFilter: paths ("/api") and patterns ("/api/**") cannot stand in one list: write all as patterns`);
  const globs = new Globs(patterns);
  return (url) => globs.matches(pathOf(url) ?? "");
}

/** The path of a request's URL, which may have a host. */
function pathOf(url: string | undefined): string | undefined {
  return url?.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "");
}
