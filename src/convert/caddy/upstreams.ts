/** `reverse_proxy` as an upstream, with what it asks of requests and responses. */
import { defined } from "../model/conditions.ts";
import type { Keys, UpstreamDraft, Value } from "../model/draft.ts";
import { checkedEndpoint, checkedName } from "../model/names.ts";
import type { Notes, Place } from "../model/notes.ts";
import { hostField } from "../../values/texts.ts";
import { caddyDuration } from "./units.ts";
import type { Fields } from "./layer.ts";
import { joinedFields } from "./layer.ts";
import { fieldEdit } from "./fields.ts";
import type { Directive } from "./parse.ts";
import { withEnvironment } from "./placeholders.ts";

export interface Proxied {
  readonly upstream: string;
  readonly host: string | undefined;
  readonly requestHeaders: Fields | undefined;
  readonly responseHeaders: Fields | undefined;
}

export class Upstreams {
  private readonly found = new Map<string, { readonly name: string; readonly keys: Keys; readonly comments: readonly string[] }>();
  private readonly notes: Notes;

  constructor(notes: Notes) {
    this.notes = notes;
  }

  drafts(): readonly UpstreamDraft[] {
    return [...this.found.values()];
  }

  /** null: no endpoint can be made of it. @param addresses the arguments without the matcher */
  /** @param hasLogin whether some requests come from users who have logged in */
  proxied(directive: Directive, addresses: readonly string[], hasLogin: boolean, comments: string[]): Proxied | null {
    const { block, place, name: what } = directive;
    const note = (name: string, why: string, at: Place = place): void =>
      this.notes.add({ place: at, what: name === "" ? what : `${what} ${name}`, why }, comments);
    const lines = block ?? [];
    const transport = lines.find(({ name }) => name === "transport");
    const isSecure = transport?.block?.some(({ name }) => name.startsWith("tls")) === true;
    const given = [...addresses, ...lines.filter(({ name }) => name === "to").flatMap(({ args }) => args)];
    const endpoints = given.flatMap((address) => {
      const urls = endpointsOf(withEnvironment(address), isSecure);
      if (urls.length === 0)
        note(
          "",
          address.startsWith("unix/") && isSecure
            ? "endpoints with TLS at Unix sockets have no equivalent"
            : "one of its addresses can be no endpoint",
        );
      if (address.startsWith("h2c://")) note("", "origins are spoken to in HTTP/1.1");
      return urls;
    });
    let host: string | undefined;
    let [requestHeaders, responseHeaders]: (Fields | undefined)[] = [];
    const keys: Record<string, Value | undefined> = { endpoints };
    const check: Record<string, Value | undefined> = {};
    for (const line of lines) {
      const [first = "", second = ""] = line.args.map(withEnvironment);
      if (line.name === "header_up" && /^host$/i.test(first))
        host = hostOf(line.args[1] ?? "", (why) => note("header_up Host", why, line.place)) ?? host;
      else if (line.name === "header_up")
        requestHeaders = joinedFields(requestHeaders, fieldEdit("request", line, line.args, hasLogin, this.notes, comments));
      else if (line.name === "header_down")
        responseHeaders = joinedFields(responseHeaders, fieldEdit("response", line, line.args, false, this.notes, comments));
      else if (line.name === "health_uri" && first.startsWith("/")) check["path"] = first;
      else if (line.name === "health_interval" || line.name === "health_timeout") check[line.name.slice(7)] = caddyDuration(first);
      else if (line.name === "health_passes") check["healthy_threshold"] = Number(first) || undefined;
      else if (line.name === "health_fails") check["unhealthy_threshold"] = Number(first) || undefined;
      else if (line.name === "health_status")
        check["expected_statuses"] = /^\dxx$/.test(first) ? [`${first[0]}00-${first[0]}99`] : [Number(first) || 200];
      else if (line.name === "lb_retries") keys["retries"] = Number(first) || 0;
      else if (line.name === "lb_policy" && !/^(?:round_robin|random|weighted_round_robin)$/.test(first))
        note("lb_policy", "endpoints take turns in Millrace, other ways of balancing have no equivalent yet", line.place);
      else if (line.name === "lb_policy" && first === "weighted_round_robin")
        keys["endpoints"] = weighted(endpoints, [second, ...line.args.slice(2)].join(" "));
      else if (line.name === "transport") Object.assign(keys, this.transport(line, note));
      else {
        const why = OTHERS[line.name];
        if (why !== undefined && why !== "") note(line.name, why, line.place);
        else if (why === undefined) note(line.name, "has no equivalent", line.place);
      }
    }
    if (endpoints.length === 0) return null;
    if (Object.keys(check).length > 0) keys["health_check"] = defined(check);
    return { upstream: this.nameOf(given[0] ?? "", defined(keys)), host, requestHeaders, responseHeaders };
  }

  private nameOf(address: string, keys: Keys): string {
    const text = JSON.stringify(keys);
    const same = this.found.get(text);
    if (same !== undefined) return same.name;
    const plain = checkedName(address.replace(/^https?:\/\//, ""));
    const names = new Set([...this.found.values()].map(({ name }) => name));
    let name = plain;
    for (let number = 2; names.has(name); number++) name = `${plain}-${number}`;
    this.found.set(text, { name, keys, comments: [] });
    return name;
  }

  private transport({ args: [kind = ""], block, place }: Directive, note: (name: string, why: string, at: Place) => void): Keys {
    if (kind !== "http") {
      note("transport", "Millrace speaks HTTP with origins only", place);
      return {};
    }
    const timeouts: Record<string, Value | undefined> = {};
    const tls: Record<string, Value | undefined> = {};
    const keepAlive: Record<string, Value | undefined> = {};
    for (const {
      name,
      args: [first = ""],
      place: at,
    } of block ?? []) {
      if (name === "dial_timeout") timeouts["connect"] = caddyDuration(first);
      else if (name === "response_header_timeout") timeouts["response_head"] = caddyDuration(first);
      else if (name === "read_timeout") timeouts["idle"] = caddyDuration(first);
      else if (name === "tls_insecure_skip_verify") tls["verify"] = false;
      else if (name === "tls_server_name" && /^[\w.-]+$/.test(first)) tls["server_name"] = first;
      else if (name === "keepalive" && first !== "off") keepAlive["idle"] = caddyDuration(first);
      else if (
        !/^(?:tls|versions|compression|read_buffer|write_buffer|write_timeout|keepalive\w*|max_conns_per_host|resolvers|dial_fallback_delay|expect_continue_timeout|tls_timeout|tls_renegotiation)$/.test(
          name,
        )
      )
        note(name, OF_TRANSPORT[name] ?? "has no equivalent", at);
    }
    const filled = (keys: Record<string, Value | undefined>): Keys | undefined =>
      Object.keys(defined(keys)).length === 0 ? undefined : defined(keys);
    return defined({ timeouts: filled(timeouts), tls: filled(tls), keep_alive: filled(keepAlive) });
  }
}

const TRUST = "write `tls: { ca_file }` with the file in the upstream (docs/tls-to-origins.md)";
const OF_TRANSPORT: Readonly<Record<string, string>> = {
  tls_trust_pool: TRUST,
  tls_trusted_ca_certs: TRUST,
  tls_client_auth: "write `tls: { cert_file, key_file }` with the files in the upstream (docs/tls-to-origins.md)",
};

const PASSIVE = "taking endpoints out by the failures of requests has no equivalent yet; `health_check` probes them";
/** "": Millrace does it anyway, or it is done elsewhere. */
const OTHERS: Readonly<Record<string, string>> = {
  to: "",
  flush_interval: "",
  buffer_requests: "",
  buffer_responses: "",
  request_buffers: "",
  response_buffers: "",
  max_buffer_size: "",
  stream_timeout: "",
  stream_close_delay: "",
  trusted_proxies: "name them at the top, in `trusted_proxies`",
  lb_policy: "",
  lb_try_duration: "trying for a time has no equivalent here; see `retry` and `hold`",
  lb_try_interval: "",
  lb_retry_match: "requests are sent again where that is safe",
  health_port: "probes go to the port of the endpoint",
  health_headers: "probes have no fields of one's own",
  health_body: "probes look at the status only",
  health_uri: "",
  health_follow_redirects: "probes follow no redirects",
  fail_duration: PASSIVE,
  max_fails: "",
  unhealthy_status: "",
  unhealthy_latency: "",
  unhealthy_request_count: "",
  dynamic: "endpoints that are looked up have no equivalent yet, apart from names",
  handle_response: "answers by the status of the origin have no equivalent here; see `error_pages`",
  replace_status: "changing the status has no equivalent",
  copy_response: "",
  rewrite: "a path of its own has no equivalent here",
  method: "changing the method has no equivalent",
};

function hostOf(value: string, note: (why: string) => void): string | undefined {
  if (/^\{(?:http\.reverse_proxy\.)?upstream[_.]hostport\}$/.test(value)) return "upstream";
  if (/^\{(?:http\.request\.)?(?:host|hostport)\}$|^\{http\.request\.header\.Host\}$/i.test(value)) return undefined;
  if (/^\{(?:http\.reverse_proxy\.)?upstream[_.]host\}$/.test(value)) return "upstream";
  if (hostField.safeParse(value).success) return value;
  note("its value has no equivalent; the origin gets the client's");
  return undefined;
}

function endpointsOf(address: string, isSecure: boolean): readonly string[] {
  if (address.startsWith("unix//")) {
    const socket = isSecure ? null : checkedEndpoint(`unix:${address.slice("unix/".length)}`);
    return socket === null ? [] : [socket];
  }
  const [, scheme, rest = ""] = /^(?:(https?|h2c):\/\/)?(.*)$/.exec(address) ?? [];
  const host = rest.startsWith(":") ? `localhost${rest}` : rest.replace(/\/$/, "");
  // A whole URL may come from the environment.
  const url = `${scheme === "https" || isSecure ? "https" : "http"}://${host}`;
  const [, name, from, to] = /^(.*):(\d+)-(\d+)$/.exec(url) ?? [];
  if (name !== undefined && Number(to) - Number(from) < 64)
    return Array.from({ length: Number(to) - Number(from) + 1 }, (_, index) => checkedEndpoint(`${name}:${Number(from) + index}`)).filter(
      (each) => each !== null,
    );
  const checked = checkedEndpoint(url);
  return checked === null ? [] : [checked];
}

function weighted(endpoints: readonly string[], weights: string): Value {
  const numbers = weights.split(/\s+/).map(Number);
  return endpoints.map((url, index) => {
    const weight = numbers[index] ?? 1;
    return weight >= 2 && weight <= 1000 ? { url, weight } : url;
  });
}
