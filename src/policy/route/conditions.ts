/**
 * The conditions of a route: how a configuration gives them, the form in which they are compared, and whether they hold for a request. match.ts
 * says what each condition means; its index takes care of host and path.
 */
import { compileCidrs } from "../../base/cidr.ts";
import type { CidrSet } from "../../base/cidr.ts";
import type { RequestHead } from "../../http/request-head.ts";
import { compileCertificate } from "./certificate-conditions.ts";
import type { CertificateConditions, CertificateRule, MatchedCertificate } from "./certificate-conditions.ts";
import { normalizePattern } from "./normalize-path.ts";
import { literalBeginning, noRegex } from "./path-regex.ts";
import type { CompileRegex, PathRegex } from "./path-regex.ts";
import { QueryReader, octetsOf } from "./query.ts";
import type { QueryCondition } from "./query.ts";

/** Conditions of a route as the configuration gives them: all that are given must hold. */
export interface RouteConditions extends Conditions {
  /** The route takes no request for which all of these conditions hold; of a list, for which those of one entry do. */
  readonly not?: Conditions | readonly Conditions[] | undefined;
}

export interface Conditions {
  readonly host?: readonly string[] | undefined;
  readonly path?: readonly string[] | undefined;
  readonly path_regex?: string | undefined;
  readonly methods?: readonly string[] | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly client_ip?: readonly string[] | undefined;
  readonly client_certificate?: CertificateConditions | undefined;
}

export interface MatchableRoute {
  /** Of a list, one entry is enough. */
  readonly match: RouteConditions | readonly RouteConditions[];
  /** Present when the proxy answers preflights for this route. */
  readonly cors?: unknown;
  /** What of the route may keep requests away, from `guardsOf` (guards.ts). */
  readonly guards?: readonly string[];
}

/** What matching reads of a request. `host` is in lower case, without port and trailing dot. */
export interface MatchedRequest extends Pick<RequestHead, "method" | "host" | "path" | "forwardTarget" | "get"> {}

/** The entries of `match`, each with its conditions. */
export function entriesOf({ match }: Pick<MatchableRoute, "match">): readonly RouteConditions[] {
  return isList(match) ? match : [match];
}

function isList<T extends object>(given: T | readonly T[]): given is readonly T[] {
  return Array.isArray(given);
}

/** A route's conditions, ready to compare. */
export interface Rule {
  readonly hosts: readonly string[];
  readonly paths: readonly PathPattern[];
  /** null: every method. */
  readonly methods: ReadonlySet<string> | null;
  /** Lower-case name and value; null: any value. */
  readonly headers: readonly (readonly [name: string, value: string | null])[];
  readonly query: readonly QueryCondition[];
  /** Reads the query; shared with other routes. */
  readonly queries: QueryReader;
  /** null: every client. */
  readonly clients: CidrSet | null;
  /** null: every client, with a certificate or without. */
  readonly certificate: CertificateRule | null;
  readonly pathRegex: PathRegex | null;
  /** The text that every path begins with which `pathRegex` takes. */
  readonly pathBegins: string;
  readonly not: readonly Exception[];
  /** The conditions on the client's address and certificate and the exceptions as texts, which are equal for equal conditions. */
  readonly texts: readonly string[];
  /** The route takes a preflight if it would take the request that the preflight asks for. */
  readonly takesPreflights: boolean;
}

/** Conditions that must not all hold. */
export interface Exception extends Omit<Rule, "not" | "texts" | "takesPreflights"> {}

/** A path by its segments; `isPrefix` when it also stands for every path below. */
export interface PathPattern {
  readonly segments: readonly string[];
  readonly isPrefix: boolean;
}

/**
 * A route's conditions, ready to compare, a rule for each entry of `match`. Throws a RangeError for a path that can never match a request.
 * @param compileRegex for `path_regex`; throws an Error for a pattern that cannot be compiled
 * @param queries reads the queries of requests, for all routes of a table
 */
export function compileConditions(
  route: MatchableRoute,
  compileRegex: CompileRegex = noRegex,
  queries: QueryReader = new QueryReader(),
): readonly Rule[] {
  return entriesOf(route).map((conditions) => {
    const { not = [], client_ip: clients, client_certificate: certificate } = conditions;
    const exceptions = isList(not) ? not : [not];
    return {
      ...compiled(conditions, compileRegex, queries),
      not: exceptions.map((each) => compiled(each, compileRegex, queries)),
      texts: [
        ...(conditions.path_regex === undefined ? [] : [` path_regex ${conditions.path_regex}`]),
        ...(clients === undefined ? [] : [` client_ip ${JSON.stringify(clients.toSorted())}`]),
        ...(certificate === undefined ? [] : [` client_certificate ${JSON.stringify(sorted(certificate))}`]),
        ...exceptions.map((each) => ` not ${JSON.stringify(sorted(each))}`),
      ],
      takesPreflights: route.cors !== undefined,
    };
  });
}

function sorted(conditions: object): readonly (readonly [key: string, value: unknown])[] {
  return Object.entries(conditions).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function compiled(conditions: Conditions, compileRegex: CompileRegex, queries: QueryReader): Exception {
  const {
    host = [],
    path = [],
    path_regex: regex,
    methods,
    headers = {},
    query = {},
    client_ip: clients,
    client_certificate: certificate,
  } = conditions;
  const hosts = host.map((name) => name.toLowerCase().replace(/\.$/, ""));
  const begins = regex === undefined ? "" : literalBeginning(regex);
  return {
    hosts: hosts.includes("*") ? [] : [...new Set(hosts)],
    paths: regex !== undefined && path.length === 0 ? [below(begins)] : path.map(compilePath),
    methods: methods === undefined || methods.length === 0 ? null : new Set(methods.includes("GET") ? [...methods, "HEAD"] : methods),
    headers: Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value === "*" ? null : value] as const),
    query: Object.entries(query).map(([name, value]) => [octetsOf(name), value === "*" ? null : octetsOf(value)] as const),
    queries,
    clients: clients === undefined ? null : compileCidrs(clients),
    certificate: certificate === undefined ? null : compileCertificate(certificate),
    pathRegex: regex === undefined ? null : compileRegex(regex),
    pathBegins: begins,
  };
}

/** The folder that every path with this beginning is in. */
function below(beginning: string): PathPattern {
  return { segments: beginning.split("/").slice(1, -1), isPrefix: true };
}

/** Whether a rule has no conditions but host and path. */
export function isPlain(rule: Rule): boolean {
  return (
    rule.methods === null &&
    rule.headers.length === 0 &&
    rule.query.length === 0 &&
    rule.clients === null &&
    rule.certificate === null &&
    rule.pathRegex === null &&
    rule.not.length === 0
  );
}

/**
 * Whether the conditions other than host and path hold, for the request or, if it is a preflight, for what it asks for.
 * @param path in canonical form
 * @param client the client's address; "": it is not known, so no condition on it holds, and no exception by it is known not to hold
 * @param certificate the verified one that the client has shown; null: none
 */
export function conditionsHold(
  rule: Rule,
  request: MatchedRequest,
  path: string,
  client: string,
  certificate: MatchedCertificate | null,
): boolean {
  if (!queryOf(rule, request) || !clientHolds(rule, client) || !certificateHolds(rule, certificate) || !regexHolds(rule, path))
    return false;
  const { method } = request;
  const asked = rule.takesPreflights && method === "OPTIONS" ? preflightMethod(request) : null;
  const holds = (methodHolds(rule, method) && headersHold(rule, request)) || (asked !== null && preflightHolds(rule, request, asked));
  return holds && !isExcepted(rule, request, path, client, certificate, asked ?? method);
}

/** The method that a preflight asks for (Fetch standard, section 4.8); null: the request is none. */
function preflightMethod(request: MatchedRequest): string | null {
  return request.get("origin") === undefined ? null : (request.get("access-control-request-method") ?? null);
}

/** @param path in canonical form; the `*` of OPTIONS matches no pattern */
export function regexHolds({ pathRegex, pathBegins }: Pick<Rule, "pathRegex" | "pathBegins">, path: string): boolean {
  return pathRegex === null || (path.startsWith("/") && path.startsWith(pathBegins) && pathRegex.holds(path));
}

export function queryOf(rule: Pick<Rule, "query" | "queries">, request: Pick<MatchedRequest, "forwardTarget">): boolean {
  return rule.query.length === 0 || rule.queries.holds(rule.query, request.forwardTarget);
}

export function clientHolds({ clients }: Pick<Rule, "clients">, client: string): boolean {
  return clients === null || (client !== "" && clients.contains(client));
}

function certificateHolds({ certificate: rule }: Pick<Rule, "certificate">, certificate: MatchedCertificate | null): boolean {
  return rule === null || rule(certificate);
}

/** Whether an exception (`not`) keeps the route from taking the request. @param method the request's, or the one that a preflight asks for */
function isExcepted(
  rule: Rule,
  request: MatchedRequest,
  path: string,
  client: string,
  certificate: MatchedCertificate | null,
  method: string,
): boolean {
  return rule.not.some(
    (not) =>
      (not.hosts.length === 0 || not.hosts.some((pattern) => hostHolds(pattern, request.host))) &&
      (not.paths.length === 0 || not.paths.some((pattern) => pathHolds(pattern, path))) &&
      methodHolds(not, method) &&
      headersHold(not, request) &&
      queryOf(not, request) &&
      regexHolds(not, path) &&
      certificateHolds(not, certificate) &&
      (not.clients === null || client === "" || not.clients.contains(client)),
  );
}

export function hostHolds(pattern: string, host: string): boolean {
  return pattern.startsWith("*.") ? host.length > pattern.length - 1 && host.endsWith(pattern.slice(1)) : host === pattern;
}

/** @param path in canonical form */
export function pathHolds(pattern: PathPattern, path: string): boolean {
  if (!path.startsWith("/")) return false;
  const whole = `/${pattern.segments.join("/")}`;
  if (!pattern.isPrefix) return path === whole;
  return pattern.segments.length === 0 || path === whole || path.startsWith(`${whole}/`);
}

/** Whether the rule takes a request with that method, and with the headers that the preflight announces. */
function preflightHolds(rule: Rule, request: MatchedRequest, method: string): boolean {
  if (!methodHolds(rule, method)) return false;
  const announced = (request.get("access-control-request-headers") ?? "").toLowerCase().split(",");
  const names = new Set(announced.map((name) => name.trim()));
  return rule.headers.every((header) => names.has(header[0]) || headersHold({ headers: [header] }, request));
}

export function methodHolds(rule: Pick<Rule, "methods">, method: string): boolean {
  return rule.methods === null || rule.methods.has(method);
}

export function headersHold(rule: Pick<Rule, "headers">, request: Pick<RequestHead, "get">): boolean {
  for (const [name, value] of rule.headers) {
    const given = request.get(name);
    if (given === undefined || (value !== null && given !== value)) return false;
  }
  return true;
}

function compilePath(pattern: string): PathPattern {
  const isPrefix = pattern.endsWith("/*");
  const canonical = normalizePattern(isPrefix ? pattern.slice(0, -1) : pattern);
  if (canonical === null || canonical === "*") throw new RangeError(`the path ${JSON.stringify(pattern)} can never match a request`);
  const segments = canonical.slice(1).split("/");
  return { segments: isPrefix ? segments.slice(0, -1) : segments, isPrefix };
}
