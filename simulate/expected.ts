/**
 * What endpoints may receive and clients may see. Because a reload may come during a request, each check takes all configurations that
 * the request may have run under.
 */
import { compileCidrs } from "../src/base/cidr.ts";
import type { CidrSet } from "../src/base/cidr.ts";
import type { Config } from "../src/config/schema/schema.ts";
import type { FieldSection } from "../src/http/field-section.ts";
import type { ResponseHead } from "../src/http/response-head.ts";
import { listenerAt } from "./configs.ts";
import { HOOKS, hookOf, isFeatured } from "./hooks.ts";
import { ORIGINS } from "./plan.ts";
import type { ClientPlan, Place, RequestPlan } from "./plan.ts";

const HAS_CORS = new Set(["cors", "all"]);
const HAS_TOKENS = new Set(["tokens", "all"]);

/** What is wrong with the head of a request that an endpoint received, in words; null if nothing. */
export function faultOfRequest(head: FieldSection, request: RequestPlan, client: ClientPlan, configs: readonly Config[]): string | null {
  const { id, route, token, isApiKey, isPreflight, hasUnsafeName } = request;
  if (isPreflight) return `it is a preflight`;
  const forwardedFor = head.values("x-forwarded-for").join(" | ");
  if (!configs.some((config) => forwardedBy(client, config) === forwardedFor)) return `X-Forwarded-For is ${forwardedFor}`;
  if (hasUnsafeName) {
    const ways = configs.map(({ listeners }) => listenerAt(listeners, client.listener)?.unsafe_field_names);
    if (!ways.includes(head.has("x_under") ? "forward" : "drop")) return `X_Under is ${head.has("x_under") ? "there" : "not there"}`;
  }
  const credentials = isApiKey ? head.values("x-api-key") : head.values("authorization");
  const sent = token === "" ? [] : [isApiKey ? token : `Bearer ${token}`];
  if (!HAS_TOKENS.has(route)) {
    if (isFeatured(route) && credentials.join() !== sent.join()) return `its credentials are ${credentials.join()}`;
  } else {
    if (credentials.length > 0) return `it carries a token`;
    if (!configs.some((config) => isValid(token, route, config))) return `its token is not valid`;
  }
  if (!isFeatured(route)) return null;
  for (const name of ["x-hook", "x-hook-more"]) {
    const values = head.values(name).join();
    if (values !== String(id)) return `${name} is ${values}`;
  }
  for (let index = 0; index < HOOKS; index++) if (head.has(`x-remove-${index}`)) return `X-Remove-${index} is there`;
  return null;
}

/**
 * What is wrong with the head of a response that a client received, in words; null if nothing.
 * @param isOwn whether it is an answer of the proxy's own
 */
export function faultOfResponse(head: ResponseHead, request: RequestPlan, seed: number, isOwn: boolean): string | null {
  const { id, route, origin } = request;
  if (!isFeatured(route)) return null;
  for (let index = 0; index < HOOKS; index++) {
    const isEdited = hookOf(seed, id, route, index).throwsIn !== "response";
    const seen = head.values(`x-seen-${index}`).join();
    // Some requests are refused before they have a route.
    if (seen !== (isEdited ? String(id) : "") && !(isOwn && seen === "")) return `X-Seen-${index} is ${seen}`;
    if (head.has(`x-inner-${index}`) === isEdited && !isOwn) return `X-Inner-${index} is ${isEdited ? "there" : "not there"}`;
  }
  const allowed = head.values("access-control-allow-origin").join();
  if (!HAS_CORS.has(route)) return isOwn || allowed === "*" ? null : `Access-Control-Allow-Origin is ${allowed}`;
  const expected = origin === ORIGINS[0] || origin === ORIGINS[1] ? origin : "";
  if (allowed !== expected && !(isOwn && head.status >= 400 && allowed === "")) return `Access-Control-Allow-Origin is ${allowed}`;
  return null;
}

/** Whether the address is a trusted proxy, whose X-Forwarded-For is believed. */
export function isTrusted(address: string, config: Config): boolean {
  let known = trusted.get(config);
  if (known === undefined) trusted.set(config, (known = compileCidrs(config.trusted_proxies)));
  return known.contains(address);
}

const trusted: WeakMap<Config, CidrSet> = new WeakMap();

/** Whether a request with this token may pass on this route. */
export function isValid(token: string, route: string, { routes }: Config): boolean {
  const tokens = routes.find(({ name }) => name === route)?.authentication?.tokens;
  return tokens === undefined || tokens.includes(token);
}

/** The address that the proxy must take for the client's. */
export function clientOf({ address, forwardedFor }: Place, config: Config): string {
  let client = address;
  for (const said of forwardedFor.split(", ").toReversed()) {
    if (!isTrusted(client, config) || !/^[0-9.]+$/.test(said)) return client;
    client = said;
  }
  return client;
}

function forwardedBy({ address, forwardedFor }: Place, config: Config): string {
  const isBelieved = forwardedFor !== "" && isTrusted(address, config);
  return isBelieved ? `${forwardedFor}, ${address}` : address;
}
