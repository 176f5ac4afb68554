/** Operations: finding the route of a request, as Snapshot.findRoute does: the path is normalised, then looked up in the table. */
import { AMBIGUOUS, compilePositions } from "../../src/policy/route/match.ts";
import type { MatchableRoute } from "../../src/policy/route/conditions.ts";
import { normalizePath } from "../../src/policy/route/normalize-path.ts";
import { buildRequestHead } from "../../src/http/build-head.ts";
import type { RequestHead } from "../../src/http/request-head.ts";
import { VARIANTS, browserRequest, nth, requestHead, variants } from "./messages.ts";
import type { Operation, Run } from "./operation.ts";

const MANY = 10_000;

export const route: readonly Operation[] = [
  { name: "route/1", about: "one route, which takes everything", prepare: () => find([{ match: {} }], variants(plain)) },
  {
    name: "route/10000",
    about: "10,000 routes, half of them by host and half by path",
    prepare: () => find(manyRoutes(), variants(spread)),
  },
];

function find(routes: readonly MatchableRoute[], requests: readonly RequestHead[]): Run {
  const table = compilePositions(routes);
  return (count) => {
    let sum = 0;
    for (let n = 0; n < count; n++) {
      const request = nth(requests, n);
      const path = normalizePath(request.path);
      if (path === null) throw new Error("the path is refused");
      const found = table.find(request, path, "192.0.2.1");
      if (found === null || found === AMBIGUOUS) throw new Error("no route");
      sum += found.index + path.length;
    }
    return sum;
  };
}

function manyRoutes(): MatchableRoute[] {
  return Array.from({ length: MANY }, (_, index) => {
    const number = index >> 1;
    return index % 2 === 0
      ? { match: { host: [`host-${number}.example.com`], path: ["/catalogue/*"] } }
      : { match: { path: [`/prefix-${number}/*`] } };
  });
}

function plain(variant: number): RequestHead {
  return requestHead(browserRequest(variant));
}

/** The requests meet routes all over the table. */
function spread(variant: number): RequestHead {
  const { method, target, authority } = plain(variant);
  const number = Math.floor((variant * MANY) / 2 / VARIANTS);
  const line =
    variant % 2 === 0 ? { target, authority: `host-${number}.example.com` } : { target: `/prefix-${number}/items/4711`, authority };
  return buildRequestHead({ method, ...line }, []);
}
