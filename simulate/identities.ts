/**
 * Routes that let in whom they know and tell endpoints who that is, clients with right and wrong credentials, and a model of both. Each of the three
 * configurations, its variant, knows other people and names other fields. Clients also claim to be somebody in the fields that only the proxy may send.
 */
import { Buffer } from "node:buffer";
import { createHash, createHmac } from "node:crypto";
import type { ApiKey } from "../src/features/authentication/read-api-keys.ts";
import type { FieldSection } from "../src/http/field-section.ts";
import type { Draw } from "./draw.ts";
import type { RequestPlan, RouteName } from "./plan.ts";

/** What a request says of who its client is. */
export interface Shown {
  /** The position of the credential in {@link CREDENTIALS}; -1: it brings none. */
  readonly credential: number;
  readonly place: "bearer" | "key" | "bearer-and-wrong-key";
  /** The position in {@link FORGED} of what it claims. */
  readonly claims: number;
}

interface Person {
  readonly user: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly mail: string;
  /** The values of fields for user, roles and scopes. */
  readonly texts: readonly [user: string, roles: string, scopes: string];
}

interface Credential {
  readonly kind: "key" | "jwt";
  readonly text: string;
  /** Whose it is; null: nobody's. */
  readonly person: Person | null;
  /** The variants of the configuration in which it counts. */
  readonly variants: readonly number[];
  /** From this time on it does not count any more. */
  readonly untilMs: number;
}

const PEOPLE: readonly Person[] = [
  { user: "ann", roles: ["admin", "staff"], scopes: ["read", "write"], mail: "ann@sim.test", texts: ["ann", "admin,staff", "read,write"] },
  { user: "bob", roles: ["staff"], scopes: ["read"], mail: "bob@sim.test", texts: ["bob", "staff", "read"] },
  { user: "zoë 100%", roles: ["night,shift"], scopes: [], mail: "zoe@sim.test", texts: ["zo\xc3\xab 100%25", "night%2Cshift", ""] },
];
const ALWAYS = [0, 1, 2];
/** The file of keys. */
export const KEYS_FILE = "keys.yaml";
const AUDIENCE = "simulation";
/** The secret that tokens are signed with, by the variant of the configuration. */
const SECRETS = ["the secret of two configurations", "the secret of two configurations", "the secret of only one configuration"] as const;
const FAR_MS = 1e12;

/** When a key is taken out of the file, without a reload. Between two milliseconds, so that no request begins just then. */
export const TAKEN_OUT_MS = 2500.5;

/** Those of {@link PEOPLE} whose keys stand in the file, by the variant, and until when they count. */
const KEYS: readonly { readonly person: number; readonly variants: readonly number[]; readonly untilMs: number }[] = [
  { person: 0, variants: ALWAYS, untilMs: FAR_MS },
  { person: 1, variants: ALWAYS, untilMs: 3000 },
  { person: 2, variants: [0, 2], untilMs: TAKEN_OUT_MS },
];

const CREDENTIALS: readonly Credential[] = [
  ...KEYS.map(({ person, variants, untilMs }): Credential => {
    return { kind: "key", text: keyOf(person), person: PEOPLE[person] ?? null, variants, untilMs };
  }),
  { kind: "key", text: `${keyOf(0)}x`, person: null, variants: [], untilMs: 0 },
  { kind: "key", text: "unknown", person: null, variants: [], untilMs: 0 },
  ...PEOPLE.flatMap((person): Credential[] => [
    { kind: "jwt", text: tokenOf(person, SECRETS[0], {}), person, variants: [0, 1], untilMs: FAR_MS },
    { kind: "jwt", text: tokenOf(person, SECRETS[2], {}), person, variants: [2], untilMs: FAR_MS },
  ]),
  { kind: "jwt", text: tokenOf(PEOPLE[0], SECRETS[0], { exp: 2 }), person: PEOPLE[0] ?? null, variants: [0, 1], untilMs: 2000 },
  { kind: "jwt", text: tokenOf(PEOPLE[0], SECRETS[0], { aud: "another" }), person: null, variants: [], untilMs: 0 },
  { kind: "jwt", text: tokenOf(PEOPLE[0], SECRETS[0], { exp: undefined }), person: null, variants: [], untilMs: 0 },
  { kind: "jwt", text: tokenOf(PEOPLE[0], "a secret that nobody has given away", {}), person: null, variants: [], untilMs: 0 },
  { kind: "jwt", text: unsigned(tokenOf(PEOPLE[0], SECRETS[0], {})), person: null, variants: [], untilMs: 0 },
];

function keyOf(person: number): string {
  return `key-of-${PEOPLE[person]?.mail ?? ""}-${person}`;
}

/** A JSON web token. @param changes claims that are other than usual; undefined: left out */
function tokenOf(person: Person | undefined, secret: string, changes: Readonly<Record<string, unknown>>): string {
  const claims = {
    aud: AUDIENCE,
    exp: FAR_MS / 1000,
    sub: person?.user,
    roles: person?.roles,
    scope: person?.scopes.join(" "),
    mail: person?.mail,
    ...changes,
  };
  const signed = `${encoded({ alg: "HS256" })}.${encoded(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/** The token without a signature, which says that it needs none. */
function unsigned(token: string): string {
  return `${encoded({ alg: "none" })}.${token.split(".")[1] ?? ""}.x`;
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

// ---- the configuration ------------------------------------------------------------------------------------------------

/** The names of the fields for the parts of an identity, by the variant. */
const FIELDS: readonly Readonly<Partial<Record<"user" | "roles" | "scopes" | "mail", string>>>[] = [
  { user: "X-User", roles: "X-Roles", scopes: "X-Scopes", mail: "X-Mail" },
  { user: "X-User", roles: "X-Roles" },
  { user: "X-Person", scopes: "X-Scopes", mail: "X-Mail" },
];
/** Whether clients without credentials are let in by the route `known`, and whether endpoints get its clients' tokens. */
const IS_OPTIONAL = [false, true, false] as const;
const FORWARDS = [false, true, false] as const;
const REQUIRED = ["{ roles: [admin] }", "{ scopes: [write] }", "{ claims: { mail: ann@sim.test } }"] as const;

/** @param held further keys of routes whose requests come to endpoints */
export function identityRoutes(variant: number, held: string): string[] {
  const { mail, ...fields } = FIELDS[variant] ?? {};
  const headers = JSON.stringify(mail === undefined ? fields : { ...fields, claims: { mail } });
  const methods = (forward: boolean): string =>
    `api_keys: { file: ${KEYS_FILE} }, jwt: { secret: ${SECRETS[variant]}, audience: ${AUDIENCE}, clock_skew: 0s, forward: ${forward} }`;
  const user = JSON.stringify({ user: fields.user });
  return [
    `  - { name: known, match: { path: "/known/*" }, upstream: a${held}, authentication: { ${methods(FORWARDS[variant] === true)}, optional: ${IS_OPTIONAL[variant]}, identity_headers: ${headers} } }`,
    `  - { name: admins, match: { path: "/admins/*" }, upstream: b${held}, authentication: { ${methods(false)}, identity_headers: ${user} }, require: ${REQUIRED[variant]} }`,
  ];
}

const HASHES: readonly string[] = PEOPLE.map((_, person) => createHash("sha256").update(keyOf(person)).digest("hex"));

/** The file of keys as a thread gets it at that time. */
export function keysFile(variant: number, nowMs: number): string {
  const there = KEYS.filter(({ variants, untilMs }) => variants.includes(variant) && (untilMs !== TAKEN_OUT_MS || nowMs < TAKEN_OUT_MS));
  const keys = there.flatMap(({ person, untilMs }): ApiKey[] => {
    const { user: id = "", roles = [], scopes = [] } = PEOPLE[person] ?? {};
    const hash = HASHES[person] ?? "";
    const expiresMs = untilMs === FAR_MS || untilMs === TAKEN_OUT_MS ? null : untilMs;
    return [{ id, prefix: "key-of-", hash, roles, scopes, expiresMs, rate: null }];
  });
  return JSON.stringify(keys);
}

// ---- clients ----------------------------------------------------------------------------------------------------------

/** Lines by which a client claims to be somebody: all names in some spelling. */
const FORGED: readonly string[] = [
  "",
  "X-User: forged\r\nX-Roles: admin\r\nX-Person: forged\r\nX-Scopes: write\r\nX-Mail: ann@sim.test\r\n",
  "x-user: forged\r\nX-USER: forged\r\nx-person: forged\r\nx-roles: admin\r\nx-scopes: write\r\nx-mail: ann@sim.test\r\n",
  "X.User: forged\r\nX.Roles: admin\r\nX!Person: forged\r\nX.Scopes: write\r\nX~Mail: ann@sim.test\r\n",
  "X_User: forged\r\nx_roles: admin\r\nX_Person: forged\r\nX-User: forged\r\n",
];

const RIGHT = CREDENTIALS.flatMap(({ person }, index) => (person === null ? [] : [index]));

/** Most requests claim something; few in names with underscores, which some listeners refuse. */
export function drawShown(draw: Draw): Shown {
  const any = draw.between(0, CREDENTIALS.length - 1);
  const right = RIGHT[draw.between(0, RIGHT.length - 1)] ?? 0;
  return {
    credential: draw.oneIn(8) ? -1 : draw.oneIn(3) ? any : right,
    place: draw.pick("bearer", "bearer", "bearer", "bearer", "key", "bearer-and-wrong-key"),
    claims: draw.oneIn(8) ? 4 : draw.between(0, 3),
  };
}

export const IDENTITY_ROUTES: readonly [RouteName, ...RouteName[]] = ["known", "known", "admins"];

export function asksWho(route: string): boolean {
  return route === "known" || route === "admins";
}

/** Lines that clients add to a request. */
export function shownLines({ shown, route }: RequestPlan): string {
  if (shown === null) return "";
  const forged = FORGED[shown.claims] ?? "";
  const { text } = CREDENTIALS[shown.credential] ?? { text: "" };
  if (text === "" || !asksWho(route)) return forged;
  if (shown.place === "key") return `${forged}X-API-Key: ${text}\r\n`;
  return `${forged}Authorization: Bearer ${text}\r\n${shown.place === "bearer" ? "" : "X-API-Key: wrong\r\n"}`;
}

/** The trailers of a request whose body comes in chunks. */
export function shownTrailers({ shown }: RequestPlan): string {
  return shown === null ? "" : (FORGED[shown.claims] ?? "");
}

// ---- the model --------------------------------------------------------------------------------------------------------

/** What becomes of a request: it passes, as one of this person or of nobody, or is refused with this outcome. */
type Verdict = { readonly person: Person | null; readonly isKey: boolean } | string;

/** The verdicts that may be right for a request that is judged at some time between `fromMs` and `toMs`. */
function verdictsOn({ shown, route }: RequestPlan, variant: number, fromMs: number, toMs: number): Verdict[] {
  const credential = CREDENTIALS[shown?.credential ?? -1];
  if (shown === null || credential === undefined) {
    const passes = route === "known" && IS_OPTIONAL[variant] === true;
    return [passes ? { person: null, isKey: false } : "unauthorized"];
  }
  const { person, kind, variants, untilMs } = credential;
  const isKey = kind === "key";
  // A key beside a JWT is not asked for. All tokens and keys that a request brings must be valid, and a JWT is one in Authorization alone.
  const isMisplaced = isKey ? shown.place === "bearer-and-wrong-key" : shown.place === "key";
  if (person === null || isMisplaced || !variants.includes(variant)) return ["unauthorized"];
  const passed = lackOf(person, isKey, route, variant) ?? { person, isKey };
  return [...(fromMs < untilMs ? [passed] : []), ...(toMs >= untilMs ? ["unauthorized"] : [])];
}

function lackOf({ user, roles, scopes }: Person, isKey: boolean, route: string, variant: number): string | null {
  if (route !== "admins") return null;
  if (variant === 0) return roles.includes("admin") ? null : "role_required";
  if (variant === 1) return scopes.includes("write") ? null : "scope_required";
  // Keys have no claims.
  return user === "ann" && !isKey ? null : "claim_required";
}

/** What a request is told of when it passes: the fields of the proxy, by their names in lower case, and the credentials that it keeps. */
function fieldsOf({ shown, route }: RequestPlan, variant: number, { person, isKey }: Exclude<Verdict, string>): Map<string, string> {
  const { user = "", roles = "", scopes = "", mail = "" } = FIELDS[variant] ?? {};
  const expected = new Map([user, roles, scopes, mail].filter((name) => name !== "").map((name) => [name.toLowerCase(), ""]));
  if (!asksWho(route)) return expected;
  const forwards = !isKey && person !== null && route === "known" && FORWARDS[variant] === true;
  expected.set("authorization", forwards ? `Bearer ${CREDENTIALS[shown?.credential ?? -1]?.text ?? ""}` : "");
  expected.set("x-api-key", "");
  if (person === null) return expected;
  expected.set(user.toLowerCase(), person.texts[0]);
  if (route !== "known") return expected;
  if (roles !== "") expected.set(roles.toLowerCase(), person.texts[1]);
  if (scopes !== "") expected.set(scopes.toLowerCase(), person.texts[2]);
  if (mail !== "") expected.set(mail.toLowerCase(), isKey ? "" : person.mail);
  return expected;
}

/**
 * What is wrong with the fields of a request, or of its copy, that came to an endpoint, in words; null if nothing.
 * @param variants those that it may have begun under
 * @param fromMs when it may have begun at the earliest
 */
export function faultOfIdentity(
  fields: FieldSection,
  request: RequestPlan,
  variants: readonly number[],
  fromMs: number,
  toMs: number,
): string | null {
  const told = foldedFields(fields);
  let why = "";
  for (const variant of variants) {
    const passed: Verdict[] = asksWho(request.route) ? verdictsOn(request, variant, fromMs, toMs) : [{ person: null, isKey: false }];
    for (const verdict of passed) {
      const fault = typeof verdict === "string" ? `is ${verdict}` : faultOfTold(told, fieldsOf(request, variant, verdict));
      if (fault === null) return null;
      why = fault;
    }
  }
  return why;
}

/** What is wrong with the trailers of a request that came to an endpoint, in words; null if nothing. */
export function faultOfTrailers(trailers: FieldSection, variants: readonly number[]): string | null {
  const told = foldedFields(trailers);
  const faults = variants.map((variant) => {
    const names = Object.values(FIELDS[variant] ?? {}).map((name) => [name.toLowerCase(), ""] as const);
    return faultOfTold(told, new Map(names));
  });
  return faults.includes(null) ? null : (faults[0] ?? null);
}

/** The values of all fields, by their names as some origin servers read them: in lower case, and with hyphens for all but letters and digits. */
function foldedFields(fields: FieldSection): Map<string, string> {
  const told = new Map<string, string>();
  for (let index = 0; index < fields.count; index++) {
    const name = fields
      .name(index)
      .toLowerCase()
      .replace(/[^a-z0-9]/g, "-");
    const before = told.get(name);
    told.set(name, before === undefined ? fields.value(index) : `${before} | ${fields.value(index)}`);
  }
  return told;
}

function faultOfTold(told: ReadonlyMap<string, string>, expected: ReadonlyMap<string, string>): string | null {
  for (const [name, value] of expected)
    if ((told.get(name) ?? "") !== value) return `has ${name} ${JSON.stringify(told.get(name) ?? "")} and not ${JSON.stringify(value)}`;
  return null;
}

const REFUSALS = new Set(["unauthorized", "role_required", "scope_required", "claim_required"]);

/** What is wrong with the outcome of a request on one of these routes that began then, in words; null if nothing. */
export function faultOfRefusal(outcome: string, request: RequestPlan, variants: readonly number[], startedAtMs: number): string | null {
  if (!asksWho(request.route) || !REFUSALS.has(outcome)) return null;
  const verdicts = variants.flatMap((variant) => verdictsOn(request, variant, startedAtMs, startedAtMs));
  return verdicts.includes(outcome) ? null : "and its client is one that is let in";
}

/** What is wrong with a refusal that a client got, in words; null if nothing. */
export function faultOfChallenge(head: FieldSection & { readonly status: number }): string | null {
  return head.status === 401 && !head.has("www-authenticate") ? "it does not say what to bring" : null;
}
