/** The access log of a route, compiled: which exchanges get a line, and what is read of them for it. */
import type { FurtherField } from "../config/access-log/access-fields.ts";
import { STANDARD_SHAPE, accessShape } from "../config/access-log/access-shape.ts";
import type { AccessInput, AccessShape } from "../config/access-log/access-shape.ts";
import type { AccessLogConfig } from "../config/access-log/access-log-schema.ts";
import type { FieldEdits } from "../http/field-edits.ts";
import { fieldPairs } from "../http/field-pairs.ts";
import type { FieldSection } from "../http/field-section.ts";
import type { RequestHead } from "../http/request-head.ts";
import type { TokenUse } from "../policy/tokens/token-use.ts";
import { INTERNAL_ERROR } from "./exchange/answers.ts";
import { FAILURES } from "./exchange/failure.ts";
import type { ExchangeView } from "./feature/middleware.ts";
import { LoneView } from "./feature/lone-view.ts";
import { valueOf } from "./feature/variables.ts";
import type { LocalAnswer } from "./local-answer.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** An exchange, as far as lines need it. */
interface LoggedExchange extends ExchangeView {
  /** Null: none was looked for. */
  readonly route: { readonly upstream: { readonly name: string } | null } | null;
  /** What {@link AccessLog.responseValues} gave for the response; null: nothing. */
  readonly responseValues: readonly string[] | null;
  readonly tokens: TokenUse | null;
  readonly fault: string;
  readonly cached: string;
}

const NO_VALUES: readonly string[] = [];

export class AccessLog {
  /** Whether any exchange gets a line. */
  readonly isOn: boolean;
  readonly shape: AccessShape;
  /** Whether lines show fields of responses, which must be read before the response is gone. */
  readonly readsResponses: boolean;
  /** Whether lines show something that is noted of every request: its user agent, referer or trace. */
  readonly readsNotes: boolean;
  /** Whether lines show the request's id in any case: one that nobody has asked for is made. */
  readonly makesIds: boolean;
  private readonly share: number;
  private readonly keepsErrors: boolean;
  private readonly environment: Environment;
  private readonly responseNames: readonly string[];

  constructor(config: AccessLogConfig, environment: Environment) {
    this.isOn = config !== false;
    this.shape = typeof config === "boolean" ? STANDARD_SHAPE : accessShape(config);
    const { share = 1, errors = false } = typeof config === "boolean" ? {} : (config.sample ?? {});
    this.share = share;
    this.keepsErrors = errors;
    this.environment = environment;
    this.responseNames = this.shape.inputs.flatMap((input) => (input.kind === "response_headers" ? [input.name] : []));
    this.readsResponses = this.isOn && this.responseNames.length > 0;
    this.makesIds = this.shape.template !== null && this.shape.fields.has("request_id");
    this.readsNotes = (["user_agent", "referer", "trace_id"] as const).some((name) => this.shape.fields.has(name));
  }

  /** @param random gives a number of at least 0 and below 1 */
  wants(status: number, outcome: string, random: () => number): boolean {
    if (!this.isOn) return false;
    if (this.share === 1 || (this.keepsErrors && isError(status, outcome))) return true;
    return random() < this.share;
  }

  /** The values of the shape's inputs. "": the exchange has no such thing. */
  values(exchange: LoggedExchange): readonly string[] {
    const { inputs } = this.shape;
    if (inputs.length === 0) return NO_VALUES;
    let responses = 0;
    return inputs.map((input) =>
      input.kind === "response_headers"
        ? (exchange.responseValues?.[responses++] ?? "")
        : this.value(exchange, input, exchange.route?.upstream?.name ?? ""),
    );
  }

  /**
   * The same for a request that was refused before it became an exchange.
   * @param head what is known of it; null for nothing
   */
  valuesOfRefused(head: RequestHead | null, client: string): readonly string[] {
    const { inputs } = this.shape;
    if (inputs.length === 0) return NO_VALUES;
    if (head === null) return inputs.map(() => "");
    const view = new LoneView(head, client);
    // A refused request has no id.
    view.identify("");
    return inputs.map((input) => (input.kind === "response_headers" ? "" : this.value(view, input, "")));
  }

  private value(
    exchange: ExchangeView & Pick<LoggedExchange, "tokens" | "fault" | "cached">,
    input: Exclude<AccessInput, { kind: "response_headers" }>,
    upstream: string,
  ): string {
    switch (input.kind) {
      case "request_headers":
        return exchange.request.values(input.name).join(", ");
      case "variable":
        return input.variable.name === "env" ? (this.environment[input.variable.key] ?? "") : valueOf(exchange, input.variable);
      case "field":
        return this.field(exchange, input.name, upstream);
      default:
        return "";
    }
  }

  private field(
    exchange: ExchangeView & Pick<LoggedExchange, "tokens" | "fault" | "cached">,
    name: FurtherField,
    upstream: string,
  ): string {
    switch (name) {
      case "upstream":
        return upstream;
      case "protocol":
        return `HTTP/${exchange.request.version}`;
      case "scheme":
      case "query":
        return valueOf(exchange, { name, key: "" });
      case "fault":
        return exchange.fault;
      case "cache":
        return exchange.cached;
      case "country":
        return exchange.place?.country ?? "";
      case "asn":
        return exchange.place === null || exchange.place.asn === 0 ? "" : `${exchange.place.asn}`;
      case "input_tokens":
      case "output_tokens":
      case "tokens_from":
        return tokenValue(exchange.tokens, name);
      default:
        return connectionValue(exchange, name);
    }
  }

  /**
   * The values of the response's fields that lines show, as the client gets them.
   * @param head null for an answer of the proxy's own, whose fields `answered` has
   */
  responseValues(head: FieldSection | null, answered: LocalAnswer["fields"], edits: FieldEdits): readonly string[] {
    const added = edits.added === "" ? [] : fieldPairs(edits.added);
    return this.responseNames.map((name) => {
      const ofName = (pairs: LocalAnswer["fields"]): readonly string[] =>
        pairs.flatMap(([each, value]) => (each.toLowerCase() === name ? [value] : []));
      const received = edits.removed.includes(name) ? [] : head === null ? ofName(answered) : head.values(name);
      return [...received, ...ofName(added)].join(", ");
    });
  }
}

type TokenField = "input_tokens" | "output_tokens" | "tokens_from";

function tokenValue(tokens: TokenUse | null, name: TokenField): string {
  if (tokens === null) return "";
  if (name === "tokens_from") return tokens.isReported ? "usage" : "estimate";
  return `${name === "input_tokens" ? tokens.input : tokens.output}`;
}

/** A field about the client and its connection; "": there is no such thing. */
function connectionValue(
  { tls, proxied, identity }: ExchangeView,
  name: Exclude<FurtherField, "upstream" | "protocol" | "scheme" | "query" | "fault" | "cache" | "country" | "asn" | TokenField>,
): string {
  const said = proxied?.header.details ?? null;
  switch (name) {
    case "tls_version":
      return tls?.version ?? said?.tls?.version ?? "";
    case "tls_cipher":
      return tls?.cipher ?? said?.tls?.cipher ?? "";
    case "tls_server_name":
      return (tls === null ? said?.authority : tls.serverName) ?? "";
    case "client_certificate_subject":
      return tls?.certificate?.subject ?? "";
    case "client_certificate_issuer":
      return tls?.certificate?.issuer ?? "";
    case "client_certificate_serial":
      return tls?.certificate?.serialNumber ?? "";
    case "client_certificate_fingerprint":
      return tls?.certificate?.fingerprint ?? "";
    case "user":
      return identity?.user ?? "";
    case "authentication_method":
      return identity?.method ?? "";
    case "proxy_sender":
      return proxied?.sender ?? "";
    case "proxy_unique_id":
      return said?.uniqueId ?? "";
  }
}

/** Whether the exchange went wrong on this side of the client: it was answered with 5xx, or its response was cut. */
function isError(status: number, outcome: string): boolean {
  return status >= 500 || Object.hasOwn(FAILURES, outcome) || outcome === INTERNAL_ERROR.reason;
}
