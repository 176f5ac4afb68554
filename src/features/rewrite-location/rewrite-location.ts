/** Leads references in responses, such as Location, to where the client finds them. */
import { isAuthority } from "../../http/authority.ts";
import { connectionOptions } from "../../http/connection-options.ts";
import type { ResponseChanges } from "../../http/head-edits.ts";
import { Known } from "../../http/known-fields.ts";
import type { RequestHead } from "../../http/request-head.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import { WantedFields } from "../../http/wanted-fields.ts";
import { mapReference } from "../../policy/location/map-reference.ts";
import type { LocationRule, Site } from "../../policy/location/map-reference.ts";
import { canonicalAuthority, parseReference, splitRefresh } from "../../policy/location/reference.ts";
import { compilePrefix, stripPrefix } from "../../policy/route/strip-prefix.ts";
import type { Template } from "../../policy/template/template.ts";
import { urlTarget } from "../../policy/template/url-target.ts";
import type { Feature, FeatureContext, FeatureRoute } from "../../proxy/feature/feature.ts";
import type { ExchangeView, Middleware } from "../../proxy/feature/middleware.ts";
import { valueOf } from "../../proxy/feature/variables.ts";
import { rewriteLocationFacts } from "./facts.ts";
import type { RewriteLocationConfig } from "./schema.ts";

export const rewriteLocation: Feature<"rewrite_location"> = {
  name: "rewrite-location",
  key: "rewrite_location",
  facts: rewriteLocationFacts,
  compile: rewriteLocationMiddleware,
};

function rewriteLocationMiddleware(
  levels: readonly RewriteLocationConfig[],
  { template, route }: Pick<FeatureContext, "template" | "route">,
): Middleware {
  const given = levels.at(-1) ?? false;
  if (given === false) return { name: "rewrite-location" };
  const rules = given === true ? [] : given.map(({ from, to }) => ruleOf(from, template(to)));
  const clientPath = pathMapper(route.rewrite);
  const host = route.rewrite?.host ?? "preserve";
  const siteOf = (exchange: ExchangeView): Site => {
    const scheme = /^https:/i.test(exchange.endpointUrl) ? "https" : "http";
    const names = [exchange.endpointAuthority, host === "preserve" || host === "upstream" ? "" : host].filter((name) => name !== "");
    return {
      scheme,
      own: names.map((name) => canonicalAuthority(scheme, name)).filter((name) => name !== null),
      client: { scheme: exchange.scheme, authority: clientAuthority(exchange.request) },
      clientPath: (path) => clientPath(path, exchange.request),
      rules: rules.map((rule) => rule(exchange)),
    };
  };
  return {
    name: "rewrite-location",
    onResponse: (exchange, response) => {
      const { head } = response;
      if (head === null) return;
      const found = WANTED.in(head);
      if (found === 0) return;
      const site = siteOf(exchange);
      // A field that Connection names is not passed on, and must not come back as one of the proxy's.
      const { named } = connectionOptions(head);
      for (const [at, { name, map }] of FIELDS.entries())
        if ((found & (1 << at)) !== 0 && !named.includes(name.toLowerCase()))
          rewriteField(head, response, name, (value) => map(value, site));
    },
  };
}

const FIELDS: readonly { readonly name: string; readonly map: (value: string, site: Site) => string }[] = [
  { name: "Location", map: mapReference },
  { name: "Content-Location", map: mapReference },
  { name: "Refresh", map: mapRefresh },
];
const WANTED: WantedFields = new WantedFields(FIELDS.map(({ name }) => name.toLowerCase()));

function rewriteField(head: ResponseHead, response: ResponseChanges, name: string, map: (value: string) => string): void {
  const values = head.values(name.toLowerCase());
  const mapped = values.map(map);
  if (mapped.every((value, index) => value === values[index])) return;
  response.remove(name.toLowerCase());
  for (const value of mapped) response.append(name, value);
}

function mapRefresh(value: string, site: Site): string {
  const parts = splitRefresh(value);
  return parts === null ? value : parts[0] + mapReference(parts[1], site) + parts[2];
}

function ruleOf(from: string, to: Template): (exchange: ExchangeView) => LocationRule {
  const reference = parseReference(from);
  if (reference === null) throw new Error("a reference was not checked");
  const target = urlTarget(to);
  return (exchange) => ({ from: reference, to: () => target((variable) => valueOf(exchange, variable)) });
}

/** The host and port that the client used, as far as trusted proxies tell it; "": it gave none. */
function clientAuthority(request: RequestHead): string {
  // The field is hidden unless a trusted proxy has sent it.
  const told = request.knownValue(Known.xForwardedHost)?.split(",", 1)[0]?.trim();
  return told !== undefined && isAuthority(told) ? told : request.authority;
}

/** Undoes what `rewrite` does to paths. */
function pathMapper(rewrite: FeatureRoute["rewrite"]): (path: string, request: RequestHead) => string {
  const strip = rewrite?.strip_prefix === undefined ? null : compilePrefix(rewrite.strip_prefix);
  const add = rewrite?.add_prefix === undefined ? null : compilePrefix(rewrite.add_prefix);
  return (path, request) => {
    const taken = strip !== null && stripPrefix(request.path, strip) !== null ? strip : null;
    const below = add === null ? null : stripPrefix(path, add);
    const inner = below === null ? path : below === "" ? "/" : below;
    // An origin that heeds X-Forwarded-Prefix has put the prefix back itself.
    if (taken === null || (below === null && stripPrefix(inner, taken) !== null)) return inner;
    return taken.text + inner;
  };
}
