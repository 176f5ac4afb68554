/** `server` blocks: where they listen, under which names, and which of them can be in one configuration. */
import { isHost } from "../model/names.ts";
import type { Notes } from "../model/notes.ts";
import type { Directive } from "./parse.ts";
import { listedTexts } from "./patterns.ts";
import type { Scope } from "./scope.ts";

export interface Listen {
  /** As Millrace writes it: `:80`, `127.0.0.1:8080`, `unix:/run/app.sock`. */
  readonly address: string;
  readonly port: string;
  readonly isSecure: boolean;
  readonly isDefault: boolean;
  /** Connections begin with a header of the PROXY protocol. */
  readonly isProxied: boolean;
  readonly directive: Directive;
}

export interface Server {
  readonly scope: Scope;
  readonly directive: Directive;
  readonly listens: readonly Listen[];
  /** Exact names, and `*.example.com`. */
  readonly names: readonly string[];
  /** The first name as it is written, for `$server_name`. */
  readonly firstName: string;
  readonly isDefault: boolean;
}

export function serversIn(http: Scope, notes: Notes): readonly Server[] {
  const servers = blocksIn(http, notes);
  // An address speaks TLS for all blocks that listen there, as soon as one says so.
  const secure = servers.flatMap(({ listens }) => listens.filter(({ isSecure }) => isSecure));
  const isSecure = (listen: Listen): boolean => secure.some((other) => isSameAddress(listen, other));
  return servers.map((server) => ({ ...server, listens: server.listens.map((listen) => ({ ...listen, isSecure: isSecure(listen) })) }));
}

/** An address of the whole machine has those of single ones at its port in it, for one listener of Millrace takes both. */
function isSameAddress(one: Listen, other: Listen): boolean {
  return one.address === other.address || (one.port === other.port && [one, other].some(({ address }) => address === `:${one.port}`));
}

function blocksIn(http: Scope, notes: Notes): readonly Server[] {
  return http.ownAll("server").map((directive) => {
    const scope = http.inner(directive.block ?? []);
    const listens = listensOf(scope, directive, notes);
    const given = scope.ownAll("server_name").flatMap((each) => each.args.map((name) => ({ name, place: each.place })));
    const names = given.flatMap(({ name, place }) => {
      const found = hostsOf(name);
      if (found === null)
        notes.add({ place, what: "server_name", why: "the name has no equivalent: hosts are whole names, or begin with *." });
      return found ?? [];
    });
    const firstName = given[0]?.name ?? "";
    return { scope, directive, listens, names: [...new Set(names)], firstName, isDefault: listens.some(({ isDefault }) => isDefault) };
  });
}

/** The hosts of a name; null: it has no equivalent. */
function hostsOf(name: string): readonly string[] | null {
  if (name === "" || name === "_" || name === '""' || name === "$hostname") return [];
  const plain = name.toLowerCase();
  if (plain.startsWith("~")) {
    const below = /^~\^(?:\((?:\?P?<\w+>)?)?\.[+*]\)?\\\.([\w-]+(?:\\\.[\w-]+)+)\$$/.exec(plain)?.[1];
    const hosts = below === undefined ? listedTexts(plain.slice(1)) : [`*.${below.replaceAll("\\", "")}`];
    return hosts !== null && hosts.every(isHost) ? hosts : null;
  }
  if (plain.startsWith(".")) return isHost(plain.slice(1)) ? [plain.slice(1), `*${plain}`] : null;
  if (isHost(plain) && plain !== "*") return [plain];
  // An address of IPv6 stands in brackets in `Host`.
  return /\$\{/.test(plain) ? null : isHost(plain) ? [] : plain.includes("$") ? null : isHost(`[${plain}]`) ? [`[${plain}]`] : null;
}

function listensOf(scope: Scope, server: Directive, notes: Notes): readonly Listen[] {
  const given = scope.ownAll("listen");
  if (given.length === 0) return [{ address: ":80", port: "80", isSecure: false, isDefault: false, isProxied: false, directive: server }];
  const isAllSecure = scope.value("ssl") === "on";
  return given.flatMap((directive) => {
    const [where = "", ...options] = directive.args;
    const note = (why: string): void => notes.add({ place: directive.place, what: "listen", why });
    if (options.includes("quic")) {
      note("HTTP/3 has no equivalent");
      return [];
    }
    const found = addressOf(where);
    if (found === null) {
      note("its address has no equivalent");
      return [];
    }
    const isSecure =
      isAllSecure ||
      options.includes("ssl") ||
      (options.length === 0 && /(?:^|:)443$/.test(where) && scope.last("ssl_certificate") !== undefined);
    const isDefault = options.some((option) => option === "default_server" || option === "default");
    return [{ ...found, isSecure, isDefault, isProxied: options.includes("proxy_protocol"), directive }];
  });
}

function addressOf(where: string): Pick<Listen, "address" | "port"> | null {
  if (where.startsWith("unix:/")) return { address: where, port: where };
  if (/^\$\{[A-Z][A-Z0-9_]*\}$/.test(where)) return { address: `:${where}`, port: where };
  if (/^\d+$/.test(where)) return { address: `:${where}`, port: where };
  const [, host = "", port = "80"] = /^(\[[0-9a-fA-F:.]+\]|\*|[\w.-]+)(?::(\d+))?$/.exec(where) ?? [];
  if (host === "") return null;
  // `listen [::]:80` stands beside `listen 80`, and Millrace takes both by `:80`.
  return { address: host === "*" || host === "[::]" || host === "0.0.0.0" ? `:${port}` : `${host}:${port}`, port };
}
