/** Limits of a location: rate, requests at once, size, addresses of cookies and redirects. */
import { defined } from "../model/conditions.ts";
import type { Keys, Value } from "../model/draft.ts";
import type { Notes } from "../model/notes.ts";
import type { Scope } from "./scope.ts";
import { durationOf, sizeOf } from "./units.ts";
import { convertText, fieldOf } from "./variables.ts";
import type { VariableContext } from "./variables.ts";

/** The keys `rate_limit` and `concurrency_limit` of a route. */
export function limitKeys(scope: Scope, notes: Notes, comments: string[]): Keys {
  return {
    rate_limit: oneOrAll(rateLimits(scope, notes, comments)),
    concurrency_limit: oneOrAll(concurrencyLimits(scope, notes, comments)),
  };
}

function oneOrAll(limits: readonly Keys[]): Value | undefined {
  return limits.length > 1 ? limits : limits[0];
}

function rateLimits(scope: Scope, notes: Notes, comments: string[]): readonly Keys[] {
  return scope.all("limit_req").flatMap(({ args, name: what, place }) => {
    const zone = zoneOf(scope, "limit_req_zone", option(args, "zone"));
    const key = keyOf(zone?.[0] ?? "");
    const [, digits, unit] = /^(\d+)r\/([sm])$/.exec(option(zone ?? [], "rate") ?? "") ?? [];
    if (key === null || digits === undefined) {
      notes.add({ place, what, why: zone === undefined ? "its zone is not there" : "what it counts by has no equivalent" }, comments);
      return [];
    }
    if (!args.includes("nodelay"))
      notes.add({ place, what, why: "requests within the burst are not delayed, and those above it are refused" }, comments);
    const rate = { [unit === "s" ? "requests_per_second" : "requests_per_minute"]: Number(digits) };
    return [defined({ ...rate, burst: Number(option(args, "burst") ?? 0) + 1, key: key === "client_ip" ? undefined : key })];
  });
}

function concurrencyLimits(scope: Scope, notes: Notes, comments: string[]): readonly Keys[] {
  return scope.all("limit_conn").flatMap(({ args, name: what, place }) => {
    const [name = "", max = ""] = args;
    const zone = zoneOf(scope, "limit_conn_zone", name);
    const ofServer = /^\$(?:server_name|host)$/.test(zone?.[0] ?? "");
    const key = ofServer ? "upstream" : keyOf(zone?.[0] ?? "");
    if (key === null || !/^[1-9]\d*$/.test(max)) {
      notes.add({ place, what, why: zone === undefined ? "its zone is not there" : "what it counts by has no equivalent" }, comments);
      return [];
    }
    if (ofServer) notes.add({ place, what, why: "it counts over all routes to the same upstream, not over those of the server" }, comments);
    return [defined({ key: key === "client_ip" ? undefined : key, max: Number(max) })];
  });
}

/** The arguments of the directive that makes a zone. */
function zoneOf(scope: Scope, directive: string, name: string | undefined): readonly string[] | undefined {
  return scope.everywhere(directive).find(({ args }) => option(args, "zone")?.split(":")[0] === name)?.args;
}

function keyOf(text: string): string | null {
  if (/^\$(?:binary_)?remote_addr$|^\$http_x_forwarded_for$/.test(text)) return "client_ip";
  const [, kind, name = ""] = /^\$(http|cookie)_(\w+)$/.exec(text) ?? [];
  if (kind === "cookie") return `cookie:${name}`;
  return kind === undefined ? null : `header:${fieldOf(name)}`;
}

function option(args: readonly string[], name: string): string | undefined {
  return args.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** The size that a body may have; false: any. nginx takes 1 MiB where nothing is said. */
export function maxBody(scope: Scope): string | number | false {
  const size = sizeOf(scope.value("client_max_body_size") ?? "1m");
  return size === undefined || /^0(?:\D|$)/.test(String(size)) ? false : size;
}

/** Time limits of a route; undefined: nothing is said of them. */
export function timeoutKeys(scope: Scope, isUpgraded: boolean): Keys | undefined {
  const read = durationOf(scope.value("proxy_read_timeout"));
  return read === undefined ? undefined : defined({ response_head: read, idle: read, tunnel_idle: isUpgraded ? read : undefined });
}

/** What follows after a failed attempt; undefined: nothing is said of it. */
export function retryKeys(scope: Scope, notes: Notes, comments: string[]): Keys | undefined {
  const directive = scope.last("proxy_next_upstream");
  const tries = Number(scope.value("proxy_next_upstream_tries") ?? 0);
  const attempts = tries > 0 ? tries - 1 : undefined;
  if (directive === undefined) return attempts === undefined ? undefined : { attempts };
  const { args, place, name: what } = directive;
  if (args.includes("off")) return { attempts: 0 };
  const on: (string | number)[] = [];
  if (args.includes("error")) on.push("connect", "reset");
  if (args.includes("timeout")) on.push("timeout");
  for (const each of args) {
    const status = /^http_(\d{3})$/.exec(each)?.[1];
    if (status !== undefined) on.push(Number(status));
    else if (!["error", "timeout", "non_idempotent", "invalid_header"].includes(each))
      notes.add({ place, what, why: `${each} has no equivalent` }, comments);
  }
  return defined({ attempts, on: on.length === 0 ? undefined : on, non_idempotent: args.includes("non_idempotent") ? true : undefined });
}

/** true: as nginx does without a word; false: nothing is changed. */
export function locationKeys(scope: Scope, context: VariableContext, notes: Notes, comments: string[]): Value {
  const rules: Value[] = [];
  for (const { args, name: what, place } of scope.all("proxy_redirect")) {
    const [first = "", second = ""] = args;
    if (first === "off") return rules.length === 0 ? false : rules;
    if (first === "default") continue;
    const [from, to] = [convertText(first, context), convertText(second, context)];
    const isPlain =
      /^(?:https?:\/\/[\w.:-]+)?\/?[!-"$->@-~]*$/.test(first) && !first.includes("$") && first !== "http://" && !first.startsWith("~");
    if (
      !isPlain ||
      from.problem !== undefined ||
      to.problem !== undefined ||
      to.text === "" ||
      from.text.endsWith("/") !== to.text.endsWith("/")
    )
      notes.add(
        { place, what, why: "only whole beginnings of references are replaced; `rewrite_location: true` may do what is meant" },
        comments,
      );
    else rules.push({ from: from.text, to: to.text });
  }
  return rules.length === 0 ? true : rules;
}

export function cookieKeys(scope: Scope, notes: Notes, comments: string[]): Keys | undefined {
  let [domain, path, same_site]: (string | undefined)[] = [];
  let secure: boolean | undefined;
  for (const { args, name: what, place } of scope.allOf(["proxy_cookie_path", "proxy_cookie_domain", "proxy_cookie_flags"])) {
    const [first = "", second = ""] = args;
    if (first === "off") continue;
    const note = (why: string): void => notes.add({ place, what, why }, comments);
    if (what === "proxy_cookie_flags") {
      const site = /samesite=(strict|lax|none)/i.exec(args.join(" "))?.[1]?.toLowerCase();
      if (args.includes("secure")) secure = true;
      if (site !== undefined) same_site = site;
      if (first !== "~" && first !== "~.*" && first !== "~*") note("it is for all cookies");
      continue;
    }
    const [value = "", ...flags] = second.split(/;\s*/);
    if (value.includes("$")) {
      note("its value has no equivalent");
      continue;
    }
    if (what === "proxy_cookie_domain") domain = value;
    else if (value.startsWith("/")) path = value;
    if (flags.some((flag) => /^secure$/i.test(flag))) secure = true;
    const site = flags.map((flag) => /^samesite=(strict|lax|none)$/i.exec(flag)?.[1]?.toLowerCase()).find((each) => each !== undefined);
    if (site !== undefined) same_site = site;
    if (flags.some((flag) => !/^(?:secure|samesite=\w+)$/i.test(flag))) note("`HttpOnly` and other attributes cannot be added");
    note(`it is for every cookie that has a ${what === "proxy_cookie_path" ? "path" : "domain"}`);
  }
  if (same_site === "none") secure = true;
  const keys = defined({ domain, path: path === "/" && secure !== undefined ? undefined : path, secure, same_site });
  return Object.keys(keys).length === 0 ? undefined : keys;
}
