/** Chooses the upstream for requests of a route that has several (`split`), and keeps clients at theirs by a cookie. */
import { clientKey } from "../base/client-key.ts";
import type { RouteConfig } from "../config/schema/route-schema.ts";
import { fieldLine } from "../http/field-edits.ts";
import type { ResponseChanges } from "../http/head-edits.ts";
import { pickByChance, pickByHash } from "../policy/split/pick-side.ts";
import type { Side } from "../policy/split/pick-side.ts";
import { cookieValue } from "../policy/template/request-values.ts";
import { KeyHash } from "../shared/key-hash.ts";
import { ExchangeState } from "./feature/exchange-state.ts";
import type { ExchangeView, Middleware } from "./feature/middleware.ts";

/**
 * Hashes without a seed, because all threads and machines must choose the same upstream for a client. Somebody who finds keys that lead to one
 * upstream could have chosen that upstream anyway.
 */
const hash = new KeyHash(0, 0);

export class SplitChoice {
  readonly sides: readonly Side[];
  /** Sets the cookie; null: there is none to set. */
  readonly middleware: Middleware | null;
  private readonly by: RouteConfig["split_by"];
  /** The cookie's value for exchanges whose client had none. */
  private readonly given: ExchangeState<string> = new ExchangeState();

  constructor({ split = [], split_by: by }: Pick<RouteConfig, "split" | "split_by">) {
    this.sides = split;
    this.by = by;
    this.middleware = this.setsCookie ? { name: "split", onResponse: (exchange, response) => this.setCookie(exchange, response) } : null;
  }

  /**
   * Returns the position of the side for an exchange.
   * @param random gives numbers that are at least 0 and below 1
   */
  choose(exchange: ExchangeView, random: () => number): number {
    const key = this.keyOf(exchange);
    if (key !== null) return this.sideOf(key);
    if (!this.setsCookie) return pickByChance(this.sides, random());
    const made = randomText(random) + randomText(random);
    this.given.keep(exchange, made);
    return this.sideOf(made);
  }

  /** The text that decides which side an exchange gets; null: chance decides. */
  keyOf({ request, client }: Pick<ExchangeView, "request" | "client">): string | null {
    const { by } = this;
    if (by === undefined) return null;
    let key: string | undefined;
    if (by === "client_ip") key = clientKey(client);
    else if (by.header !== undefined) key = request.get(by.header.toLowerCase());
    else if (by.cookie !== undefined) key = cookieValue(request.values("cookie"), by.cookie);
    return key === undefined || key === "" ? null : key;
  }

  /** The position of the side for all exchanges with that key. */
  sideOf(key: string): number {
    hash.update(key);
    const { low, high } = hash;
    const digest = String.fromCharCode(low & 0xffff, low >>> 16, high & 0xffff, high >>> 16);
    return pickByHash(this.sides, (upstream) => {
      hash.update(digest + upstream);
      // A number from 52 of the bits. Half a step is added so that it is never 0, which has no logarithm.
      return ((hash.high >>> 0) * 2 ** 20 + (hash.low >>> 12) + 0.5) / 2 ** 52;
    });
  }

  private get setsCookie(): boolean {
    return typeof this.by === "object" && this.by.cookie !== undefined && this.by.set !== false;
  }

  private setCookie(exchange: ExchangeView, response: ResponseChanges): void {
    const value = this.given.of(exchange);
    if (value === undefined || response.head === null || typeof this.by !== "object") return;
    const { cookie = "", max_age: maxAgeMs } = this.by;
    const age = maxAgeMs === undefined ? "" : `; Max-Age=${Math.ceil(maxAgeMs / 1000)}`;
    const secure = exchange.scheme === "https" ? "; Secure" : "";
    response.appendLines(fieldLine("Set-Cookie", `${cookie}=${value}; Path=/${age}; HttpOnly; SameSite=Lax${secure}`));
  }
}

/** Eight hexadecimal digits. */
function randomText(random: () => number): string {
  return Math.floor(random() * 2 ** 32)
    .toString(16)
    .padStart(8, "0");
}
