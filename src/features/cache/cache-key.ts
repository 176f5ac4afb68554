/** Under which key a response is stored: everything that chose it. */
import { hash } from "node:crypto";
import { connectionOptions } from "../../http/connection-options.ts";
import { cookieValues } from "../../policy/template/request-values.ts";
import { variantKey } from "../../policy/cache/variants.ts";
import type { ExchangeView } from "../../proxy/feature/middleware.ts";
import type { CacheConfig } from "./schema.ts";

/** No field has such a name. */
const USER = "the user";

export class CacheKeys {
  private readonly routeId: string;
  private readonly config: CacheConfig["key"];
  private readonly own: readonly string[];
  private lastOrigin: string = "";
  private lastBeginning: string = "";

  /** @param routeKey what identifies the route with its conditions and upstreams: two routes may answer one URL differently */
  constructor(config: CacheConfig["key"], routeKey: string) {
    this.routeId = hash("sha256", routeKey, "base64url").slice(0, 22);
    this.config = config;
    this.own = [...config.headers.map((name) => name.toLowerCase()).sort(), ...config.cookies.map((name) => `cookie ${name}`).sort()];
    if (config.user) this.own = [...this.own, USER];
  }

  /** The key of the request's target. All responses of one target have it, so that they can be dropped together. */
  targetKey(exchange: ExchangeView): string {
    return this.keyFor(exchange, exchange.request.forwardTarget);
  }

  /** The same for another target of the same host. */
  keyFor({ scheme, authority, request }: ExchangeView, target: string): string {
    // Requests of one host often follow one another.
    const origin = `${scheme}://${authority} ${request.authority}`;
    if (origin !== this.lastOrigin) {
      const host = withoutPort(authority.toLowerCase(), scheme);
      const asked = withoutPort(request.authority.toLowerCase(), scheme);
      this.lastOrigin = origin;
      this.lastBeginning = `${this.routeId} ${scheme}://${host}${asked === host ? "" : ` ${asked}`} `;
    }
    return this.lastBeginning + this.keptTarget(target);
  }

  /** The names that responses differ by, whatever their Vary says: those of the configuration. */
  get ownNames(): readonly string[] {
    return this.own;
  }

  /** The key of one of the responses of a target. @param line of their list @param names from `ownNames` and Vary, sorted alike for all */
  variant(targetKey: string, line: string, names: readonly string[], exchange: ExchangeView): string {
    if (names.length === 0) return targetKey;
    return `${targetKey}\n${line}\n${variantKey(names, (name) => this.valuesOf(exchange, name))}`;
  }

  private valuesOf({ request, identity }: ExchangeView, name: string): readonly string[] {
    if (name === USER) return identity === null ? [] : [latin1([identity.method, identity.user])];
    // What Connection names does not get to the upstream.
    if (!name.startsWith("cookie ")) return connectionOptions(request).named.includes(name) ? [] : request.values(name);
    return cookieValues(request.values("cookie"), name.slice("cookie ".length));
  }

  private keptTarget(target: string): string {
    const mark = target.indexOf("?");
    const { query } = this.config;
    if (mark < 0 || query === undefined) return target;
    const kept = target
      .slice(mark + 1)
      .split("&")
      .filter((parameter) => !isLeftOut(parameter, query));
    return kept.length === 0 ? target.slice(0, mark) : `${target.slice(0, mark)}?${kept.join("&")}`;
  }
}

/** A semicolon separates parameters too for some upstreams, which see others in it than the key leaves out. */
function isLeftOut(parameter: string, query: NonNullable<CacheConfig["key"]["query"]>): boolean {
  return !parameter.includes(";") && !isKept(nameOf(parameter), query);
}

function isKept(name: string, { allow, ignore }: NonNullable<CacheConfig["key"]["query"]>): boolean {
  return (allow === undefined || allow.some((pattern) => matches(name, pattern))) && !ignore.some((pattern) => matches(name, pattern));
}

function matches(name: string, pattern: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function nameOf(parameter: string): string {
  const name = parameter.split("=", 1)[0] ?? "";
  try {
    return decodeURIComponent(name.replaceAll("+", " "));
  } catch {
    return name;
  }
}

function withoutPort(authority: string, scheme: string): string {
  return authority.replace(scheme === "https" ? /:443$/ : /:80$/, "");
}

/** As JSON in which each unit has one byte: heads of records have no others. */
function latin1(texts: readonly string[]): string {
  return JSON.stringify(texts).replace(/[^\0-\xff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
