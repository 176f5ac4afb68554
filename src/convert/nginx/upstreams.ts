/** `upstream` blocks, and the upstreams that a `proxy_pass` names by address. */
import { checkedEndpoint, checkedName } from "../model/names.ts";
import type { Keys, UpstreamDraft, Value } from "../model/draft.ts";
import { defined } from "../model/conditions.ts";
import type { Notes } from "../model/notes.ts";
import type { Directive } from "./parse.ts";
import type { Scope } from "./scope.ts";
import { durationOf } from "./units.ts";

/** What the routes to an upstream ask of it. */
export interface Wishes {
  readonly connect?: string | undefined;
  readonly tls?: Keys | undefined;
}

interface Used {
  readonly endpoints: readonly Value[];
  readonly comments: string[];
  wishes: Wishes;
}

export class Upstreams {
  private readonly blocks = new Map<string, Directive>();
  private readonly used = new Map<string, Used>();
  private readonly notes: Notes;

  constructor(http: Scope, notes: Notes) {
    for (const directive of http.ownAll("upstream")) this.blocks.set(directive.args[0] ?? "", directive);
    this.notes = notes;
  }

  isNamed(name: string): boolean {
    return this.blocks.has(name);
  }

  /** The name of the upstream for that scheme and authority; null: no endpoint can be made of it. */
  nameOf(scheme: string, authority: string, wishes: Wishes): string | null {
    const block = this.blocks.get(authority);
    const plain = checkedName(block === undefined ? authority.replace(/:(?:80|443)$/, "") : authority);
    const isSecure = scheme === "https";
    const name = isSecure && block !== undefined ? checkedName(`${plain}-https`) : plain;
    const found = this.used.get(name);
    if (found !== undefined) {
      found.wishes = { ...defined(wishes), ...found.wishes };
      return name;
    }
    const comments: string[] = [];
    const endpoints = block === undefined ? endpointList(scheme, authority) : this.endpointsOf(block, scheme, comments);
    if (endpoints.length === 0) return null;
    this.used.set(name, { endpoints, comments, wishes: defined(wishes) });
    return name;
  }

  drafts(): readonly UpstreamDraft[] {
    return [...this.used].map(([name, { endpoints, comments, wishes }]) => {
      const { connect, tls } = wishes;
      return {
        name,
        comments,
        keys: defined({ endpoints, timeouts: connect === undefined ? undefined : { connect }, tls }),
      };
    });
  }

  private endpointsOf({ block, name: what, place }: Directive, scheme: string, comments: string[]): readonly Value[] {
    const servers = (block ?? []).filter(({ name }) => name === "server");
    const endpoints = servers.flatMap((server) => this.endpointOf(server, scheme, servers, comments));
    for (const directive of block ?? []) {
      const why = BALANCING[directive.name];
      if (why !== undefined) this.notes.add({ place: directive.place, what: directive.name, why }, comments);
    }
    if (endpoints.length === 0) this.notes.add({ place, what, why: "none of its servers can be an endpoint" }, comments);
    return endpoints;
  }

  private endpointOf(server: Directive, scheme: string, all: readonly Directive[], comments: string[]): readonly Value[] {
    const [address = "", ...options] = server.args;
    const note = (why: string): void => this.notes.add({ place: server.place, what: "server", why }, comments);
    if (options.includes("down")) {
      note("it is marked as down, and left out");
      return [];
    }
    if (options.includes("backup") && !all.every(({ args }) => args.includes("backup"))) {
      note("`backup` has no equivalent yet: the server is left out, so that it gets no requests");
      return [];
    }
    if (options.some((option) => /^(?:max_fails|fail_timeout)=/.test(option)) && !options.includes("max_fails=0"))
      this.notes.add(
        {
          place: server.place,
          what: "server",
          why: "max_fails and fail_timeout have no equivalent yet; `health_check` takes endpoints out by probes",
        },
        comments,
      );
    if (options.some((option) => option.startsWith("max_conns="))) note("max_conns has no equivalent yet");
    const [url] = endpointList(scheme, address);
    if (url === undefined) {
      note(
        address.startsWith("unix:") && scheme === "https"
          ? "endpoints with TLS at Unix sockets have no equivalent"
          : "its address cannot be that of an endpoint",
      );
      return [];
    }
    const weight = Number(/^weight=(\d+)$/.exec(options.find((option) => option.startsWith("weight=")) ?? "")?.[1] ?? 1);
    return weight === 1 ? [url] : [{ url, weight: Math.min(Math.max(weight, 1), 1000) }];
  }
}

const ONLY_IN_TURN = "endpoints take turns in Millrace, other ways of balancing have no equivalent yet";
const BALANCING: Readonly<Record<string, string>> = {
  least_conn: ONLY_IN_TURN,
  ip_hash: ONLY_IN_TURN,
  hash: ONLY_IN_TURN,
  random: ONLY_IN_TURN,
  least_time: ONLY_IN_TURN,
  fair: ONLY_IN_TURN,
  sticky: "cookies that lead to the same endpoint have no equivalent yet",
  queue: "waiting for a free endpoint has no equivalent yet",
};

function endpointList(scheme: string, address: string): readonly string[] {
  if (address.startsWith("unix:") && scheme === "https") return [];
  const url = checkedEndpoint(address.startsWith("unix:") ? address.replace(/:$/, "") : `${scheme}://${address}`);
  return url === null ? [] : [url];
}

/** What the directives of a location ask of the upstream. */
export function wishesOf(scope: Scope, isSecure: boolean): Wishes {
  return { connect: durationOf(scope.value("proxy_connect_timeout")), tls: isSecure ? tlsOf(scope) : undefined };
}

function tlsOf(scope: Scope): Keys | undefined {
  const given = (directive: string, pattern: RegExp): string | undefined => {
    const value = scope.value(directive);
    return value !== undefined && pattern.test(value) ? value : undefined;
  };
  // What holds a variable is another file for each request.
  const file = (directive: string): string | undefined => given(directive, /^[^$]+$/);
  const password = file("proxy_ssl_password_file");
  const certificate = file("proxy_ssl_certificate");
  const own = {
    cert_file: certificate,
    key_file: file("proxy_ssl_certificate_key"),
    key_passphrase: password === undefined ? undefined : `file:${password}`,
  };
  const tls = defined({
    server_name: given("proxy_ssl_name", /^[\w.-]+$/),
    ca_file: file("proxy_ssl_trusted_certificate"),
    crl_file: file("proxy_ssl_crl"),
    ...(certificate === undefined ? {} : own),
    min_version: isNewest(scope.last("proxy_ssl_protocols")?.args ?? []) ? "1.3" : undefined,
  });
  return Object.keys(tls).length === 0 ? undefined : tls;
}

function isNewest(protocols: readonly string[]): boolean {
  return protocols.length > 0 && protocols.every((name) => name === "TLSv1.3");
}
