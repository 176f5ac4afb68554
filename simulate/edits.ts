/**
 * Routes that change messages on their way, answer by themselves, or keep clients away, and what must come of them. Each of the three configurations has
 * other edits, its variant, and an exchange has those of one variant from its beginning to its end.
 */
import type { RequestHead } from "../src/http/request-head.ts";
import type { ResponseHead } from "../src/http/response-head.ts";
import { faultOfFields } from "./fields.ts";
import { patternPathsOf } from "./patterns.ts";
import type { RequestPlan, RouteName } from "./plan.ts";

/** The name that clients ask for. */
const HOST = "sim.test";
/** Value of fields that edits take out. */
const GONE = "gone";

const REWRITES = [
  'rewrite: { strip_prefix: /edited, add_prefix: /v0, host: upstream }, rewrite_location: true, rewrite_cookies: { domain: "", path: / }, security_headers: standard',
  "rewrite: { add_prefix: /v1, host: inner.test }, rewrite_location: true, rewrite_cookies: { secure: true, same_site: lax }, security_headers: strict",
  "rewrite: { strip_prefix: /edited }",
] as const;
/** The status of redirects, by the variant. */
const MOVED = [307, 308, 302] as const;
/** Whose requests are refused, by the variant. */
const DENIED = ["192.0.2.2", "203.0.113.0/24", "10.0.0.2"] as const;
const DENIES: readonly ((client: string) => boolean)[] = [
  (client) => client === DENIED[0],
  (client) => client.startsWith("203.0.113."),
  (client) => client === DENIED[2],
];
/** The variant in which the switch for maintenance is on. */
const CLOSED = 1;

/** @param held further keys of the route whose requests come to endpoints */
export function editRoutes(variant: number, held: string): string[] {
  const requests = `request_headers: { set: { X-Said: "{header.X-Request}-{method}" }, add: { X-Tag: "${variant}" }, remove: [X-Gone], rename: { X-Old: X-New } }`;
  const responses = `response_headers: { set: { X-By: "{header.X-Request}" }, add: { X-Tag: "${variant}" }, remove: [X-Gone], rename: { X-Old: X-New }, own_answers: ${variant === 1} }`;
  return [
    `  - { name: edited, match: { path: "/edited/*" }, upstream: a${held}, request_id: true, ${REWRITES[variant]}, ${requests}, ${responses} }`,
    `  - { name: moved, match: { path: "/moved/*" }, redirect: { to: "https://{host}{uri}?by={header.X-Request}", status: ${MOVED[variant]} } }`,
    `  - { name: said, match: { path: "/said/*" }, respond: { body: "request {header.X-Request} by {method}" } }`,
    `  - { name: closed, match: { path: "/closed/*" }, upstream: b, maintenance: { enabled: ${variant === CLOSED} } }`,
    `  - { name: kept, match: { path: "/kept/*" }, upstream: b, access: { deny: ["${DENIED[variant]}"] } }`,
  ];
}

export const EDIT_ROUTES: readonly [RouteName, ...RouteName[]] = ["edited", "edited", "edited", "moved", "said", "closed", "kept"];

/** Lines that clients add to requests of this route. */
export function editLines({ id, route, path }: RequestPlan): string {
  if (path !== null) return "X-Route: forged\r\nx-groups: forged\r\n";
  return route === "edited" ? `X-Gone: ${GONE}\r\nX-Said: forged\r\nX-Old: old-${id}\r\nx-gone: ${GONE}\r\n` : "";
}

/** The text that the route `said` answers with. */
export function saidText({ id, method }: RequestPlan): string {
  return `request ${id} by ${method}`;
}

/** Whether an answer of the proxy's own with this status is what its route is for. */
export function isTold({ route, path }: RequestPlan, status: number): boolean {
  if (path !== null) return status === 200 || status === 307;
  return route === "moved" ? MOVED.some((moved) => moved === status) : route === "said" && status === 200;
}

/** The paths with which the request may come to an endpoint, by the variant. */
export function pathsOf(request: RequestPlan): readonly string[] {
  const { id, route } = request;
  if (request.path !== null) return patternPathsOf(request);
  return route === "edited" ? [`/v0/${id}`, `/v1/edited/${id}`, `/${id}`] : [`/${route}/${id}`];
}

/** The routes on which exchanges may end with these outcomes. */
const ENDS: Readonly<Record<string, RouteName>> = { redirect: "moved", respond: "said", maintenance: "closed", access_denied: "kept" };

/**
 * What is wrong with an exchange that ended with this outcome, in words; null if nothing.
 * @param variants those that the request may have begun under
 * @param clients the addresses that its client may have: connections of a listener that was removed keep whom it trusts, and get the new routes
 */
export function faultOfOutcome(
  outcome: string,
  { route, path }: RequestPlan,
  variants: readonly number[],
  clients: readonly string[],
): string | null {
  const own = ENDS[outcome];
  if (own === undefined || path !== null) return null;
  if (own !== route) return "which is not what the route is for";
  if (outcome === "maintenance") return variants.includes(CLOSED) ? null : "and there is none";
  if (outcome !== "access_denied") return null;
  return variants.some((variant) => clients.some((client) => isDenied(client, variant))) ? null : "and its client is admitted";
}

function isDenied(client: string, variant: number): boolean {
  return DENIES[variant]?.(client) === true;
}

/**
 * What is wrong with the head of a request that came to an endpoint, in words; null if nothing.
 * @param variants those that the request may have begun under
 * @param clients the addresses that its client may have
 */
export function faultOfEditedRequest(
  head: RequestHead,
  request: RequestPlan,
  endpoint: string,
  variants: readonly number[],
  clients: readonly string[],
): string | null {
  const { id, route, method } = request;
  if (route === "moved" || route === "said") return "is one that the proxy answers";
  if (route === "closed") return variants.some((variant) => variant !== CLOSED) ? null : "is kept away by maintenance";
  if (route === "kept") return variants.some((variant) => clients.some((client) => !isDenied(client, variant))) ? null : "is not admitted";
  if (route !== "edited") return null;
  const variant = pathsOf(request).indexOf(head.path);
  if (!variants.includes(variant)) return `has the path of variant ${variant}`;
  return faultOfFields(head, [
    ["host", [endpoint, "inner.test", HOST][variant]],
    ["x-forwarded-host", HOST],
    ["x-forwarded-prefix", variant === 1 ? undefined : "/edited"],
    ["x-said", `${id}-${method}`],
    ["x-tag", String(variant)],
    ["x-new", `old-${id}`],
    ["x-old", undefined],
    ["x-gone", undefined],
  ]);
}

/** Fields of an endpoint's answer on the route `edited`. */
export function answerLines({ id, route, path: received }: RequestPlan, path: string, host: string): string {
  if (received !== null) return `X-Path: ${path}\r\nX-Route: forged\r\n`;
  if (route !== "edited") return "";
  const frame = `${isFramed(id) ? "X-Frame-Options: ALLOWALL\r\n" : ""}${isHidden(id) ? "Connection: X-Frame-Options\r\n" : ""}`;
  const kept = `X-Path: ${path}\r\nLocation: http://${host}${path}/next\r\nSet-Cookie: s=${id}; Path=/in; Domain=inner.test\r\n${frame}${hasPolicy(id) ? "Referrer-Policy: unsafe-url\r\n" : ""}`;
  return `X-Gone: ${GONE}\r\n${kept}x-old: old-${id}\r\nX-By: endpoint\r\n`;
}

function isFramed(id: number): boolean {
  return id % 2 === 0;
}

/** Whether the answer keeps its X-Frame-Options from going further than to the proxy. */
function isHidden(id: number): boolean {
  return id % 10 === 4;
}

function hasPolicy(id: number): boolean {
  return id % 3 === 0;
}

/** The fields of `security_headers`, by the variant. HSTS is for TLS alone. */
const SECURITY: readonly (readonly (readonly [name: string, value: string])[])[] = [
  [
    ["x-content-type-options", "nosniff"],
    ["x-frame-options", "SAMEORIGIN"],
    ["referrer-policy", "strict-origin-when-cross-origin"],
    ["permissions-policy", "camera=(self), geolocation=(self), microphone=(self), payment=(self), usb=(self)"],
  ],
  [
    ["x-content-type-options", "nosniff"],
    ["x-frame-options", "DENY"],
    ["referrer-policy", "no-referrer"],
    [
      "permissions-policy",
      "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), publickey-credentials-get=(self), serial=(), usb=()",
    ],
  ],
  [],
];
const SECURITY_NAMES = ["strict-transport-security", "x-content-type-options", "x-frame-options", "referrer-policy", "permissions-policy"];

/** What those fields must be, if the endpoint has sent these. The strict preset replaces them, the standard one does not. */
function securityOf(variant: number, sent: Readonly<Record<string, string | undefined>>): [name: string, value: string | undefined][] {
  const preset = new Map(SECURITY[variant]);
  return SECURITY_NAMES.map((name) => [name, (variant === 1 ? undefined : sent[name]) ?? preset.get(name)]);
}

/** What is wrong with the fields of an answer of the proxy's own; null if nothing. */
function faultOfOwnFields(head: ResponseHead, { id }: RequestPlan, variants: readonly number[]): string | null {
  // Without them it may have been refused before it had a route.
  if (head.status < 502 && SECURITY_NAMES.every((name) => !head.has(name)) && !head.has("x-tag")) return null;
  const faults = variants.map((variant) => {
    const edits: [string, string | undefined][] = [
      ["x-by", variant === 1 ? String(id) : undefined],
      ["x-tag", variant === 1 ? "1" : undefined],
    ];
    return faultOfFields(head, [...securityOf(variant, {}), ...edits]);
  });
  return faults.includes(null) ? null : (faults[0] ?? null);
}

/**
 * What is wrong with the head of a response to a client, in words; null if nothing.
 * @param variants those that the request may have begun under
 */
export function faultOfEditedResponse(
  head: ResponseHead,
  request: RequestPlan,
  variants: readonly number[],
  isOwn: boolean,
): string | null {
  const { id, route } = request;
  if (isOwn) {
    if (route === "edited") return faultOfOwnFields(head, request, variants);
    if (!isTold(request, head.status) || request.path !== null) return null;
    if (route === "said") return faultOfFields(head, [["content-length", String(saidText(request).length)]]);
    if (!variants.some((variant) => MOVED[variant] === head.status)) return `the status is that of another configuration`;
    return faultOfFields(head, [["location", `https://${HOST}/moved/${id}?by=${id}`]]);
  }
  if (route !== "edited") return null;
  const path = head.get("x-path") ?? "";
  const variant = pathsOf(request).indexOf(path);
  if (!variants.includes(variant)) return `X-Path is ${path}`;
  const cookie = [`s=${id}; Path=/`, `s=${id}; Path=/in; Domain=inner.test; Secure; SameSite=Lax`, `s=${id}; Path=/in; Domain=inner.test`];
  const sent = {
    "x-frame-options": isFramed(id) && !isHidden(id) ? "ALLOWALL" : undefined,
    "referrer-policy": hasPolicy(id) ? "unsafe-url" : undefined,
  };
  return faultOfFields(head, [
    ["location", `http://${HOST}${variant === 2 ? "" : "/edited"}/${id}/next`],
    ["set-cookie", cookie[variant]],
    ...securityOf(variant, sent),
    ["x-by", String(id)],
    ["x-tag", String(variant)],
    ["x-new", `old-${id}`],
    ["x-old", undefined],
    ["x-gone", undefined],
  ]);
}
