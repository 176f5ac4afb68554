/** `server` blocks without TLS beside others with it: whether they lead to https, and what else of them can be kept. */
import type { Notes } from "../model/notes.ts";
import type { Directive } from "./parse.ts";
import type { Listen, Server } from "./servers.ts";

export class PlainServers {
  /** Of blocks that are not kept, and whose clients are led to https. */
  readonly listens: Listen[] = [];
  /** Whether requests without TLS are led to https: some site is not to be had without it. */
  readonly isLed: boolean;
  private readonly challenges: { readonly names: readonly string[]; readonly directives: readonly Directive[] }[] = [];
  private readonly names: ReadonlySet<string>;
  private readonly hasDefault: boolean;
  private readonly notes: Notes;

  /** @param secure the blocks with TLS, some of which may listen without it too */
  constructor(secure: readonly Server[], notes: Notes) {
    this.notes = notes;
    this.names = new Set(secure.flatMap(({ names }) => names));
    this.hasDefault = secure.some(({ names }) => names.length === 0);
    const isServed = ({ listens, directive }: Server): boolean =>
      listens.some((listen) => !listen.isSecure) && !hasSchemeCondition(directive);
    this.isLed = !secure.every(isServed);
    if (!this.isLed) return;
    for (const server of secure.filter(isServed))
      this.note(server, "it serves without TLS too, which only all sites can do here or none: its clients are led to https");
  }

  /** The block as it is kept; none: it is left out. */
  kept(server: Server): readonly Server[] {
    const { names, directive } = server;
    const isServed = names.length === 0 || this.hasDefault || names.some((name) => this.names.has(name));
    if (!leadsToHttps(directive) && !refusesAll(directive)) {
      if (isServed && this.isLed) this.listens.push(...server.listens);
      this.note(
        server,
        isServed
          ? "the same names are served by TLS too, and one configuration has one site for a name; it is left out"
          : "routes do not know whether a request came by TLS, so this one, without it, is left out: convert it by itself with --port 80",
      );
      return [];
    }
    this.listens.push(...server.listens);
    const challenges = challengesIn(directive);
    if (challenges.length > 0) this.challenges.push({ names, directives: challenges });
    const content = (directive.block ?? []).filter((each) => each.name === "location" && !isChallenge(each) && servesContent(each));
    for (const { place } of content)
      this.notes.add({ place, what: "location", why: "it is served without TLS beside a redirect to https, and is left out" });
    if (isServed || !leadsElsewhere(server)) return [];
    this.note(server, "clients come to https first, for which its names need a certificate, and are led on from there");
    return [server];
  }

  /** The blocks with the files of certificate authorities' challenges, which they look for at https when they are led there. */
  withChallenges(servers: readonly Server[]): readonly Server[] {
    return servers.map((server) => {
      const more = this.challenges
        .filter(({ names }) => names.length === 0 || names.some((name) => server.names.includes(name)))
        .flatMap(({ directives }) => directives)
        .filter(({ args }) => !server.scope.own.some((own) => own.name === "location" && own.args.join(" ") === args.join(" ")));
      const unique = more.filter(({ args }, index) => more.findIndex((each) => each.args.join(" ") === args.join(" ")) === index);
      return unique.length === 0 ? server : { ...server, scope: server.scope.with(unique) };
    });
  }

  private note({ directive: { place } }: Server, why: string): void {
    this.notes.add({ place, what: "server", why });
  }
}

/** Whether the block leads clients to https, apart from what certificates are renewed by. */
function leadsToHttps({ block }: Directive): boolean {
  return (block ?? []).some(
    (directive) =>
      (["return", "rewrite"].includes(directive.name) && directive.args.some((each) => each.startsWith("https://"))) ||
      (directive.block !== null && leadsToHttps(directive)),
  );
}

function refusesAll({ block }: Directive): boolean {
  return (block ?? []).some(({ name, args: [status = ""] }) => name === "return" && /^4\d\d$/.test(status));
}

/** Whether a block asks for the scheme, as those do that serve both ways and lead from one to the other. */
function hasSchemeCondition({ block }: Directive): boolean {
  return (block ?? []).some(
    ({ name, args, block: inner, place }) =>
      (name === "if" && /\$\{?(?:scheme|https|ssl_protocol|server_port)\b/.test(args.join(" "))) ||
      (inner !== null && hasSchemeCondition({ name, args, block: inner, place })),
  );
}

/** Whether its redirect names another host than the client did. */
function leadsElsewhere({ directive, names }: Server): boolean {
  const targets = (directive.block ?? []).flatMap(({ block, args }) => [...args, ...(block ?? []).flatMap((each) => each.args)]);
  return targets.some((each) => {
    const [, host = ""] = /^https:\/\/([^/:]+)/.exec(each) ?? [];
    return (
      host !== "" && !/^\$\{?(?:host|http_host|server_name)\b/.test(host) && !names.includes(host.toLowerCase()) && !host.startsWith("$1")
    );
  });
}

function isChallenge({ name, args }: Directive): boolean {
  return name === "location" && args.join(" ").includes("well-known");
}

/** Locations of challenges, with the folder that they take from the server. */
function challengesIn({ block }: Directive): readonly Directive[] {
  const root = (block ?? []).find(({ name }) => name === "root");
  return (block ?? []).filter(isChallenge).map((location) => {
    const inner = location.block ?? [];
    const hasOwn = inner.some(({ name }) => ["root", "alias", "proxy_pass", "return"].includes(name));
    return hasOwn || root === undefined ? location : { ...location, block: [root, ...inner] };
  });
}

function servesContent({ block }: Directive): boolean {
  return (block ?? []).some(({ name }) => /^(?:\w+_pass|root|alias|try_files)$/.test(name));
}
