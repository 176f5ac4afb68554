/**
 * No spelling of a path gets past the route for /admin. If an origin server of a known kind reads a path as one below /admin, the proxy gives
 * it to the route for /admin or refuses it. The kinds of origin servers are imitated here by their own rules, with no code of the proxy; some
 * of them are functions of Node itself.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import nodePath from "node:path";
import fc from "fast-check";
import { AMBIGUOUS, compilePositions } from "./match.ts";
import type { RouteConditions } from "./conditions.ts";
import type { Ordered, RouteTable } from "./match.ts";
import { normalizePath } from "./normalize-path.ts";

/** The segments that an origin server finds in a path; null when it refuses the path. */
type Origin = (path: string) => string[] | null;

const ORIGINS: Readonly<Record<string, Origin>> = {
  /** Express, Fastify, Koa and Go's reverse proxies compare the beginning of the path as it stands. */
  "as it stands": (path) => path.slice(1).split("/"),
  /** WSGI and what came of it decode the path and resolve nothing. */
  decoded: (path) => decode(path).slice(1).split("/"),
  "URL of Node, target as reference": (path) => urlPath(path).slice(1).split("/"),
  "URL of Node, decoded": (path) => decode(urlPath(path)).slice(1).split("/"),
  "URL of Node, target behind the host": (path) => urlPath(`http://a.test${path}`).slice(1).split("/"),
  "java.net.URI": (path) => resolve(path.slice(1).split("/")),
  nginx: (path) => (isBroken(path) ? null : resolve(merge(decode(path).slice(1).split("/")))),
  "nginx, merge_slashes off": (path) => (isBroken(path) ? null : resolve(decode(path).slice(1).split("/"))),
  "Node's static servers": (path) => (isBroken(path) ? null : nodePath.posix.normalize(decode(path)).slice(1).split("/")),
  "Node's static servers on Windows": (path) =>
    isBroken(path)
      ? null
      : nodePath.win32
          .normalize(`/${decode(path)}`)
          .split("\\")
          .filter(Boolean),
  Tomcat: (path) => (/%2f|%5c|\\/i.test(path) ? null : resolve(merge(decode(withoutParameters(path)).slice(1).split("/")))),
  "Tomcat, encoded slashes and backslashes allowed": (path) =>
    resolve(
      merge(
        slashes(decode(withoutParameters(path)))
          .slice(1)
          .split("/"),
      ),
    ),
  IIS: (path) => resolve(merge(slashes(decode(path)).slice(1).split("/"))),
  "IIS of old, twice and %u": (path) =>
    resolve(
      merge(
        slashes(decodeUnicode(decode(decode(path))))
          .slice(1)
          .split("/"),
      ),
    ),
  "nginx before Tomcat": (path) =>
    resolve(
      merge(
        withoutParameters(resolved(decode(path)))
          .slice(1)
          .split("/"),
      ),
    ),
  "Apache with a rewrite to a file": (path) => resolve(merge(decode(path).replace(/\?.*/s, "").slice(1).split("/"))),
  "overlong UTF-8 taken for what it hides": (path) => resolve(merge(narrow(decode(path)).slice(1).split("/"))),
};

/** A route, by its host, paths and guards. */
interface Given extends Pick<RouteConditions, "host" | "path"> {
  readonly guards?: readonly string[];
}

const TABLES: readonly (readonly Given[])[] = [
  [{ path: ["/admin/*"], guards: ["a"] }, {}],
  [{ path: ["/public/*"] }, { path: ["/admin/*"], guards: ["a"] }, {}],
  [{ path: ["/admin/*"], guards: ["a"] }, { path: ["/public/*", "/x/*"] }],
  [{ path: ["/admin/*"], guards: ["a", "b"] }, { path: ["/public/*"], guards: ["a"] }, { guards: ["b", "a"] }],
  [{ path: ["/admin/*"] }, { path: ["/public/*"] }, {}],
  // Everything but /public is guarded, /admin included.
  [{ path: ["/public/*"] }, { guards: ["a"] }],
  [{ path: ["/public/*", "/x"] }],
  [{ path: ["/"] }, { path: ["/public", "/admin/*"], guards: ["a"] }, { host: ["a.test"] }],
];

const compiled = TABLES.map((table) => compilePositions(table.map(({ guards = [], ...match }) => ({ match, guards }))));

/** Position of the route for /admin and all paths below it, found without the matcher. */
function adminRoute(table: readonly Given[]): number {
  return table.findIndex(({ path }) => path === undefined || path.includes("/admin/*"));
}

/** Whether the route at `position` has all guards of the route at `other`. */
function isGuardedLike(table: readonly Given[], position: number, other: number): boolean {
  return (table[other]?.guards ?? []).every((guard) => table[position]?.guards?.includes(guard) === true);
}

const ATOMS = (
  "/ / / / / admin admin admin public public x y .. .. . %2e %2E%2e \\ %2f %5c ; ;y %3b %3f %25 %252f %252e " +
  "%61dmin %2561dmin %zz % %00 %c0%af %c0%ae %u002f %u002e"
).split(" ");
const spelling = fc.array(fc.constantFrom(...ATOMS), { minLength: 1, maxLength: 9 }).map((atoms) => `/${atoms.join("")}`);

/** These origin servers drop the `//host` of a path. The route that takes such a path need not be that for /admin, but must have its guards. */
const READING_REFERENCES: ReadonlySet<string> = new Set(["URL of Node, target as reference", "URL of Node, decoded"]);

function checkSpelling(path: string, table: RouteTable<Ordered>, given: readonly Given[]): "refused" | "taken" | "elsewhere" {
  const canonical = normalizePath(path);
  const expected = adminRoute(given);
  const request = { method: "GET", host: "a.test", path, forwardTarget: path, get: () => undefined };
  const found = canonical === null ? AMBIGUOUS : table.find(request, canonical, "192.0.2.1");
  if (found === AMBIGUOUS) return "refused";
  const position = found?.index ?? -1;
  for (const [name, read] of Object.entries(ORIGINS)) {
    const [first] = read(path) ?? [];
    if (first !== "admin") continue;
    if (READING_REFERENCES.has(name) && /^\/[/\\]/.test(path)) {
      assert.ok(position < 0 || isGuardedLike(given, position, expected), `${path} to an origin like ${name}`);
    } else assert.equal(position, expected, `${path} to an origin like ${name}`);
  }
  return position === expected ? "taken" : "elsewhere";
}

test("a path that any origin server reads as one below /admin is taken by the route for /admin, or by none", () => {
  const seen = { refused: 0, taken: 0, elsewhere: 0 };
  fc.assert(
    fc.property(spelling, (path) => {
      for (const [index, table] of compiled.entries()) seen[checkSpelling(path, table, TABLES[index] ?? [])]++;
    }),
    { numRuns: Number(process.env["SPELLINGS"] ?? 5000) },
  );
  assert.ok(seen.refused > 1000 && seen.taken > 1000 && seen.elsewhere > 1000, JSON.stringify(seen));
});

test("the well-known spellings of an attack, one by one", () => {
  for (const path of [
    "/static/../admin/x",
    "/static/..%2fadmin/x",
    "/static/%2e%2e/admin/x",
    "/static/%252e%252e%252fadmin",
    "/static/..\\admin",
    "/static/..;/admin/x",
    "/..;/admin",
    "//admin",
    "//x/admin",
    "/\\x/admin",
    "/./admin",
    "/.//admin",
    "/admin/../public",
    "/admin//../public",
    "/admin/;/../public",
    "/admin/x\\..\\..\\public",
    "/admin/x%2f..%2f..%2fpublic",
    "/admin/%2e%2e/public",
    "/public/..%c0%afadmin",
    "/%2561dmin",
    "/admin%2f",
    "/admin%3b/x",
    "/admin%3f.css",
    "/x/../admin//../y",
    "/x/../admin/;/../y",
    "/x/../admin/;y/../z",
    "/x/../admin/a%2fb/../../y",
    "/x/../admin/a\\b/../../y",
    "/%3b%5c%25/admin/",
    "/;y%252f/%3b/admin",
    "/%3b%252fx/%61dmin",
    "/;%2fadmin",
    "/;%5c%/admin%5c",
  ]) {
    for (const [index, table] of compiled.entries()) checkSpelling(path, table, TABLES[index] ?? []);
  }
});

/** Percent-decodes once, each byte to one character. */
function decode(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function decodeUnicode(text: string): string {
  return text.replace(/%u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Whether origin servers answer the path with 400: it has a stray percent sign, NUL, or bytes that are no UTF-8. */
function isBroken(path: string): boolean {
  try {
    return decodeURIComponent(path).includes("\0");
  } catch {
    return true;
  }
}

function urlPath(target: string): string {
  return URL.canParse(target, "http://a.test") ? new URL(target, "http://a.test").pathname : "/";
}

function slashes(text: string): string {
  return text.replaceAll("\\", "/");
}

function narrow(text: string): string {
  return text.replaceAll("\xc0\xaf", "/").replaceAll("\xc0\xae", ".");
}

function withoutParameters(path: string): string {
  return path.replaceAll(/;[^/]*/g, "");
}

function merge(segments: readonly string[]): string[] {
  return segments.filter((segment) => segment !== "");
}

function resolve(segments: readonly string[]): string[] {
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
  }
  return kept;
}

function resolved(path: string): string {
  return `/${resolve(merge(path.slice(1).split("/"))).join("/")}`;
}
