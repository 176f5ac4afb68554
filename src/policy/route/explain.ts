/**
 * Says in words why each route takes a request or does not, for `millrace explain`. It checks the conditions one by one instead of asking the
 * index that the data plane uses (match.ts); a property test compares the two.
 */
import type { MatchedCertificate } from "./certificate-conditions.ts";
import { lackingGuard } from "./guards.ts";
import {
  clientHolds,
  compileConditions,
  conditionsHold,
  entriesOf,
  hostHolds,
  isPlain,
  methodHolds,
  pathHolds,
  queryOf,
  regexHolds,
} from "./conditions.ts";
import type { MatchableRoute, MatchedRequest, PathPattern, Rule } from "./conditions.ts";
import { otherReadings, referenceReadings } from "./normalize-path.ts";
import type { CompileRegex } from "./path-regex.ts";

export interface RouteExplanation {
  /** Position of the route in the file, from 0. */
  readonly index: number;
  /** True for the one route that takes the request. */
  readonly matched: boolean;
  /** A sentence without a full stop. */
  readonly why: string;
}

/**
 * One explanation per route, in the order of the file.
 * @param normalizedPath the result of `normalizePath` for `request.path`
 * @param client the client's address
 * @param certificate the verified one that the client has shown; null: none
 * @param labelOf gives the name, for messages, of the route at a position
 */
export function explainRoutes(
  routes: readonly MatchableRoute[],
  request: MatchedRequest,
  normalizedPath: string,
  client: string,
  labelOf: (index: number) => string,
  compileRegex?: CompileRegex,
  certificate: MatchedCertificate | null = null,
): RouteExplanation[] {
  const rules = routes.map((route) => compileConditions(route, compileRegex));
  const objectionTo = (entries: readonly Rule[], path: string): string | null => objection(entries, request, path, client, certificate);
  const takerOf = (path: string): number => rules.findIndex((entries) => objectionTo(entries, path) === null);
  const winner = takerOf(normalizedPath);
  // A first route without conditions takes every request, so other readings of the path do not matter.
  const obstacle = winner === 0 && takesEverything(rules[0]) ? null : obstacleTo(winner, routes, request, normalizedPath, takerOf, labelOf);
  return rules.map((entries, index) => {
    const why = objectionTo(entries, normalizedPath);
    if (why !== null) return { index, matched: false, why };
    if (index !== winner) return { index, matched: false, why: `it would take it, but route ${labelOf(winner)} stands before it` };
    return obstacle === null
      ? { index, matched: true, why: describeTaking(routes[index] ?? { match: {} }) }
      : { index, matched: false, why: `${obstacle}: nobody takes it` };
  });
}

/** Why the route at `winner`, whose conditions hold, may not take the request all the same; null when it may. */
function obstacleTo(
  winner: number,
  routes: readonly MatchableRoute[],
  request: MatchedRequest,
  normalizedPath: string,
  takerOf: (path: string) => number,
  labelOf: (index: number) => string,
): string | null {
  const leading = (path: string, taker: number): string =>
    `an origin may read the path as ${JSON.stringify(path)}, which leads to ${taker < 0 ? "no route" : `route ${labelOf(taker)}`}`;
  const other = otherReadings(request.path, normalizedPath).find((path) => takerOf(path) !== winner);
  if (other !== undefined) return leading(other, takerOf(other));
  for (const path of referenceReadings(request.path, normalizedPath)) {
    const taker = takerOf(path);
    const lacking = lackingGuard(routes[winner]?.guards ?? [], routes[taker]?.guards ?? []);
    // The guard's setting is left out, because it may be secret.
    if (taker !== winner && lacking !== undefined) return `${leading(path, taker)}, whose ${lacking.replace(/=.*/s, "")} this one lacks`;
  }
  return null;
}

function takesEverything(entries: readonly Rule[] | undefined): boolean {
  return entries?.some((rule) => rule.hosts.length + rule.paths.length === 0 && isPlain(rule)) === true;
}

/** Why none of the entries holds, in words; null when one does. */
function objection(
  entries: readonly Rule[],
  request: MatchedRequest,
  path: string,
  client: string,
  certificate: MatchedCertificate | null,
): string | null {
  const objections = entries.map((rule) => firstObjection(rule, request, path, client, certificate));
  if (objections.includes(null)) return null;
  return objections.length === 1 ? (objections[0] ?? "") : objections.map((each, index) => `#${index + 1}: ${each}`).join("; ");
}

/** The first condition of the rule that does not hold, in words; null when the route takes the request. */
function firstObjection(
  rule: Rule,
  request: MatchedRequest,
  path: string,
  client: string,
  certificate: MatchedCertificate | null,
): string | null {
  const { method, host } = request;
  if (rule.hosts.length > 0 && !rule.hosts.some((pattern) => hostHolds(pattern, host))) {
    return `the host ${JSON.stringify(host)} is not ${oneOf(rule.hosts)}`;
  }
  if (!regexHolds(rule, path)) return `the path ${JSON.stringify(path)} does not match its path_regex`;
  if (rule.paths.length > 0 && !rule.paths.some((pattern) => pathHolds(pattern, path))) {
    return `the path ${JSON.stringify(path)} is not ${oneOf(rule.paths.map(spell))}`;
  }
  if (conditionsHold(rule, request, path, client, certificate)) return null;
  if (!methodHolds(rule, method)) return `the method ${JSON.stringify(method)} is not ${oneOf([...(rule.methods ?? [])])}`;
  for (const [name, value] of rule.headers) {
    const given = request.get(name);
    if (given === undefined) return `the header ${name} is missing`;
    // Neither value is shown: a proxy in front may send a shared secret in this header.
    if (value !== null && given !== value) return `the header ${name} has another value`;
  }
  // Names of parameters are those of the configuration; values may be secrets.
  if (!queryOf(rule, request)) return `the query has not what is asked for (${rule.query.map(([name]) => name).join(", ")})`;
  if (!clientHolds(rule, client)) return `the client ${client === "" ? "without an address" : client} is not in the blocks of client_ip`;
  if (rule.certificate !== null && !rule.certificate(certificate)) {
    return certificate === null
      ? "the client has shown no certificate (client_certificate)"
      : "the client's certificate is another (client_certificate)";
  }
  return "what it excludes (not) holds";
}

function spell(pattern: PathPattern): string {
  return `${pattern.segments.map((segment) => `/${segment}`).join("")}${pattern.isPrefix ? "/*" : ""}`;
}

function oneOf(alternatives: readonly string[]): string {
  return alternatives.length === 1 ? `${alternatives[0]}` : `one of ${alternatives.join(", ")}`;
}

function describeTaking(route: MatchableRoute): string {
  const entries = entriesOf(route);
  const given = CONDITIONS.filter((key) => entries.some((entry) => entry[key] !== undefined));
  return given.length === 0 ? "it has no conditions and takes everything" : `its conditions hold (${given.join(", ")})`;
}

const CONDITIONS = ["host", "path", "path_regex", "methods", "headers", "query", "client_ip", "client_certificate", "not"] as const;
