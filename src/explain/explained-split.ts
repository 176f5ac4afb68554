/** Which upstream a request goes to, of a route that has several. */
import type { RouteConfig } from "../config/schema/route-schema.ts";
import { sharesOf } from "../policy/split/pick-side.ts";
import type { LoneView } from "../proxy/feature/lone-view.ts";
import type { Split } from "../proxy/snapshot.ts";
import type { ExplainedSide } from "./explained.ts";

export interface ExplainedSplit {
  /** Position of the upstream that is shown. */
  readonly position: number;
  readonly sides: readonly ExplainedSide[];
  readonly lines: readonly string[];
}

/** Where chance decides, the upstream with the greatest share is shown. */
export function explainSplit(route: RouteConfig, { choice }: Split, view: LoneView): ExplainedSplit {
  const key = choice.keyOf(view);
  const shares = sharesOf(choice.sides);
  const position = key === null ? shares.indexOf(Math.max(...shares)) : choice.sideOf(key);
  const sides = choice.sides.map(({ upstream }, at) => ({ upstream, share: shares[at] ?? 0, taken: key !== null && at === position }));
  return { position, sides, lines: ["", headline(route, key !== null), ...sides.map(line)] };
}

function headline({ split_by: by, split = [] }: RouteConfig, isDecided: boolean): string {
  const what =
    by === undefined ? "" : by === "client_ip" ? "client_ip" : by.cookie === undefined ? `header ${by.header}` : `cookie ${by.cookie}`;
  if (isDecided) return `split among ${split.length} upstreams, by ${what}:`;
  const why = what === "" ? "by chance for each request" : `by ${what}, which the request has not: by chance`;
  return `split among ${split.length} upstreams, ${why}; shown for the one with the greatest share:`;
}

function line({ upstream, share, taken }: ExplainedSide): string {
  return `  ${taken ? "takes it " : "         "} ${upstream}: ${shownShare(share)}`;
}

/** A part of all requests, as a percentage. */
export function shownShare(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`;
}
