/** `error_page` as `error_pages`. */
import { defined } from "../model/conditions.ts";
import type { Keys, Value } from "../model/draft.ts";
import type { Notes } from "../model/notes.ts";
import { literal } from "../model/regex-text.ts";
import type { Sources } from "../model/sources.ts";
import { locationFor } from "./location-for.ts";
import type { Location } from "./locations.ts";
import type { Scope } from "./scope.ts";

export interface ErrorPageSurroundings {
  /** The server's block. */
  readonly server: Scope;
  readonly locations: readonly Location[];
  readonly sources: Sources;
  readonly notes: Notes;
  readonly comments: string[];
}

/** The pages by status; false: there are none. */
export function errorPages(scope: Scope, surroundings: ErrorPageSurroundings): Keys | false {
  const pages: Record<string, Value> = {};
  const ofOrigins = scope.value("proxy_intercept_errors") === "on";
  for (const directive of scope.all("error_page")) {
    const { args, place, name: what } = directive;
    const note = (why: string): void => surroundings.notes.add({ place, what, why }, surroundings.comments);
    const target = args.at(-1) ?? "";
    const statuses = args.slice(0, -1).filter((each) => /^[45]\d\d$/.test(each) && !/^49[5679]$/.test(each));
    if (statuses.length === 0) continue;
    const file = target.startsWith("/") && !target.includes("$") ? fileOf(target, surroundings) : null;
    if (file === null) note("only a file has an equivalent");
    else if (args.some((each) => each.startsWith("="))) note("the status of an answer stays as it is, so it is left out");
    else if (!surroundings.sources.isFile(file))
      note("its page is not there, and is left out: `error_pages` reads it when the configuration is loaded");
    else for (const status of statuses) pages[status] = ofOrigins ? { file: literal(file), origin: true } : literal(file);
  }
  return Object.keys(pages).length === 0 ? false : defined(pages);
}

/** The file that nginx would send for the path; null: it is none. */
function fileOf(path: string, { server, locations, sources }: ErrorPageSurroundings): string | null {
  const location = locationFor(path.replace(/\?.*$/, ""), locations, sources);
  const scope = location?.scope ?? server;
  const root = scope.last("root")?.args[0];
  const isServed =
    scope.ownLast("proxy_pass") === undefined && scope.ownLast("alias") === undefined && scope.ownLast("return") === undefined;
  return root === undefined || root.includes("$") || !isServed ? null : `${root.replace(/\/+$/, "")}${path}`;
}
