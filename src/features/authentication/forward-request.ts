/** The request in which a service is asked whether a client may come in: what the client has sent, less what is not for the service. */
import { connectionOptions } from "../../http/connection-options.ts";
import { REQUEST_DROPPED, UNTRUSTED_DROPPED } from "../../http/forward-fields.ts";
import { Known, bit } from "../../http/known-fields.ts";
import type { RequestHead } from "../../http/request-head.ts";
import { otherCookies } from "../../oidc/cookies/request-cookies.ts";
import { fieldTexts } from "../../policy/template/cleaned-texts.ts";
import { escapeFieldValue } from "../../policy/template/escapes.ts";
import { fillIn } from "../../policy/template/template.ts";
import type { Template } from "../../policy/template/template.ts";
import type { FeatureContext } from "../../proxy/feature/feature.ts";
import type { ExchangeView } from "../../proxy/feature/middleware.ts";
import { valueOf } from "../../proxy/feature/variables.ts";
import type { ForwardConfig } from "./forward-schema.ts";

type Line = readonly [name: string, value: string];

/** What the service is asked. */
export interface Question {
  /** The fields of the client that it gets, and those of `set`. */
  readonly fields: readonly Line[];
  /** The fields that say what the client has asked for. */
  readonly asked: readonly Line[];
}

/** The fields of a client's request that are left out by `send: all`, beside those that never are forwarded. */
const NOT_ASKED =
  REQUEST_DROPPED |
  UNTRUSTED_DROPPED |
  bit(Known.host) |
  bit(Known.contentLength) |
  bit(Known.transferEncoding) |
  bit(Known.trailer) |
  bit(Known.expect) |
  bit(Known.maxForwards) |
  bit(Known.via) |
  bit(Known.range);

/** About the body, which the service does not get, and conditions: 304 (Not Modified) to one of these would refuse the client. */
const NOT_ASKED_NAMES: ReadonlySet<string> = new Set(
  "content-type content-encoding content-language content-location content-disposition content-range content-digest repr-digest digest content-md5 if-match if-none-match if-modified-since if-unmodified-since if-range".split(
    " ",
  ),
);

/**
 * Compiles `send` and `set` to what makes the question of an exchange.
 * @param isBesideLogins whether clients may bring cookies of a login that another route has, which are not for the service
 */
export function questions(
  { send, set }: ForwardConfig,
  template: FeatureContext["template"],
  isBesideLogins: boolean,
): (exchange: ExchangeView) => Question {
  const written = Object.entries(set).map(([name, text]): readonly [string, Template] => [name, fieldTexts(template(text))]);
  const replaced = new Set(written.map(([name]) => name.toLowerCase()));
  const names = send === "all" ? null : send.map((name) => [name, name.toLowerCase()] as const).filter(([, lower]) => !replaced.has(lower));
  return (exchange) => {
    const { request, scheme, client, authority } = exchange;
    const received = names === null ? allOf(request, replaced) : namedOf(request, names);
    const fields = [
      ...(isBesideLogins ? received.flatMap(withoutLogin) : received),
      ...written
        .map(([name, value]): Line => [name, fillIn(value, (variable) => valueOf(exchange, variable), escapeFieldValue)])
        .filter(([, value]) => value !== ""),
    ];
    const asked: Line[] = [
      ["X-Forwarded-Method", request.method],
      ["X-Forwarded-Proto", scheme],
      ...(authority === "" ? [] : [["X-Forwarded-Host", authority] as const]),
      ["X-Forwarded-Uri", request.forwardTarget],
      ...(client === "" ? [] : [["X-Forwarded-For", client] as const]),
    ];
    return { fields, asked };
  };
}

/** The line without the cookies of logins; none, where nothing is left of it. */
function withoutLogin([name, value]: Line): Line[] {
  const rest = name.toLowerCase() === "cookie" ? otherCookies(value) : value;
  return rest === null ? [] : [[name, rest]];
}

function namedOf(request: RequestHead, names: readonly (readonly [name: string, lower: string])[]): Line[] {
  const { named } = connectionOptions(request);
  return names.flatMap(([name, lower]) =>
    // A field that Connection names is for this connection only.
    named.includes(lower) ? [] : request.values(lower).map((value): Line => [name, value]),
  );
}

function allOf(request: RequestHead, replaced: ReadonlySet<string>): Line[] {
  const named = new Set(connectionOptions(request).named);
  const lines: Line[] = [];
  for (let index = 0; index < request.count; index++) {
    if ((NOT_ASKED & (1 << request.knownId(index))) !== 0) continue;
    const name = request.name(index);
    const lower = name.toLowerCase();
    if (!NOT_ASKED_NAMES.has(lower) && !named.has(lower) && !replaced.has(lower)) lines.push([name, request.value(index)]);
  }
  return lines;
}

export function linesOf(fields: readonly Line[]): string {
  return fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
}
