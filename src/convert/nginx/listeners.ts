/** The listeners of the chosen `server` blocks, with and without TLS. */
import type { Keys, ListenerDraft } from "../model/draft.ts";
import { isListenAddress } from "../model/names.ts";
import type { Notes } from "../model/notes.ts";
import type { Sources } from "../model/sources.ts";
import { allOf, withinAll } from "../model/reach.ts";
import { sharedTls } from "../model/tls.ts";
import type { Directive } from "./parse.ts";
import type { Choice } from "./server-choice.ts";
import { isSecure } from "./server-choice.ts";
import type { Listen, Server } from "./servers.ts";
import { commonTlsKeys, tlsServer } from "./tls.ts";
import type { TlsServer } from "./tls.ts";

export interface Listeners {
  readonly drafts: readonly ListenerDraft[];
  /** Servers whose clients must have shown a certificate, although a request can come without one. */
  readonly guarded: ReadonlySet<Server>;
  /** Servers that nobody may reach, because what they ask of clients cannot be kept. */
  readonly closed: ReadonlySet<Server>;
  /** Servers for whose names there is no certificate. */
  readonly rejecting: ReadonlySet<Server>;
}

/** Where nothing else is left to listen at. */
const LOCAL = "127.0.0.1:8080";

/** @param senders who may send the header of the PROXY protocol */
export function listenersOf(choice: Choice, senders: readonly string[], sources: Sources, notes: Notes): Listeners {
  const comments: string[] = [];
  const { isLed } = choice;
  const plain = addressesOf(choice.plain, notes, comments);
  const owners = choice.servers.filter(isSecure).map((server) => tlsServer(server, notes, comments));
  const guarded = new Set<Server>();
  const closed = new Set(owners.filter(({ isClosed }) => isClosed).map(({ server }) => server));
  const tls = new Map<string, Keys>();
  for (const { address, listens } of addressesOf(choice.secure, notes, comments)) {
    const here = inDefaultOrder(
      owners.filter(({ server }) => server.listens.some((listen) => listens.includes(listen))),
      listens,
    );
    const shared = sharedTls(here.filter(({ isRejecting }) => !isRejecting));
    if (shared.keys["certificates"] === undefined) {
      const why = "none of its certificates can be taken over: give a listener `tls` with certificates (docs/tls.md)";
      notes.add({ place: listens[0]?.directive.place ?? { file: "", line: 1 }, what: `listen ${address} ssl`, why }, comments);
      continue;
    }
    tls.set(address, { ...shared.keys, ...commonTlsKeys(here, sources, notes, comments) });
    for (const site of here) {
      if (site.certificates.length === 0 && !site.isRejecting) {
        const why = "it has no certificate that can be taken over, so its names get that of the default server";
        notes.add({ place: site.server.directive.place, what: "server", why }, comments);
      }
      if (shared.closed.has(site)) closed.add(site.server);
      // A connection without TLS, or under another name's rule, has no certificate.
      if (site.rule?.mode === "required" && (shared.differs || plain.length > 0)) guarded.add(site.server);
    }
  }
  noteHttp2(choice.servers, notes, comments);
  for (const { server, rule } of owners) {
    if (rule !== null && tls.size === 0) closed.add(server);
    const place = server.scope.last("ssl_verify_client")?.place;
    if (closed.has(server) && place !== undefined) {
      const why =
        "what it asks of clients cannot be kept, so nobody is let in here: write `client_certificates` in `tls` of the listener, and take out `access` (docs/client-certificates.md)";
      notes.add({ place, what: "ssl_verify_client", why }, comments);
    }
  }
  return {
    drafts: drafts(isLed && tls.size === 0 ? [] : plain, tls, choice, senders, notes, comments),
    guarded,
    closed,
    rejecting: new Set(owners.filter(({ isRejecting }) => isRejecting).map(({ server }) => server)),
  };
}

/** Says it once: clients do without. */
function noteHttp2(servers: readonly Server[], notes: Notes, comments: string[]): void {
  const asks = ({ listens, scope }: Server): Directive[] => [
    ...listens.map(({ directive }) => directive).filter(({ args }) => args.includes("http2")),
    ...scope.all("http2").filter(({ args }) => args[0] === "on"),
  ];
  const [first] = servers.flatMap(asks);
  if (first === undefined) return;
  notes.add({ place: first.place, what: "http2", why: "HTTP/2 has no equivalent yet: clients are served in HTTP/1.1" }, comments);
}

interface Address {
  readonly address: string;
  readonly listens: readonly Listen[];
}

function drafts(
  plain: readonly Address[],
  tls: ReadonlyMap<string, Keys>,
  { plain: withoutTls, secure, isLed }: Choice,
  senders: readonly string[],
  notes: Notes,
  comments: string[],
): readonly ListenerDraft[] {
  const proxied = [...withoutTls, ...secure].filter(({ isProxied }) => isProxied);
  const [first] = proxied;
  if (first !== undefined && senders.length === 0) {
    const why = "nginx takes the header of the PROXY protocol from everybody: say in `proxy_protocol.from` of the listener who may send it";
    notes.add({ place: first.directive.place, what: "listen proxy_protocol", why }, comments);
  }
  const listener = (address: string, keys: Keys): Keys => {
    const isProxied = senders.length > 0 && proxied.some((listen) => listen.address === address);
    return { address, ...(isProxied ? { proxy_protocol: { from: senders } } : {}), ...keys };
  };
  const made = [
    ...plain.map(({ address }) => listener(address, isLed ? { redirect_to_https: true } : {})),
    ...[...tls].map(([address, keys]) => listener(address, { tls: keys })),
  ];
  const kept = made.length > 0 ? made : [{ address: LOCAL }];
  return kept.map((keys, index) => ({ keys, comments: index === 0 ? comments : [] }));
}

/** Addresses with the `listen` directives that stand for them; one of all addresses of the machine stands for the others with its port. */
function addressesOf(listens: readonly Listen[], notes: Notes, comments: string[]): readonly Address[] {
  const valid = listens.filter(({ address, directive }) => {
    if (isListenAddress(address.replace(/\$\{[A-Z_0-9]+\}/, "80"))) return true;
    notes.add({ place: directive.place, what: "listen", why: "its address has no equivalent" }, comments);
    return false;
  });
  const all = allOf(valid.map(({ address }) => address));
  const groups = new Map<string, Listen[]>();
  for (const listen of valid) {
    const address = withinAll(listen.address, all);
    groups.set(address, [...(groups.get(address) ?? []), listen]);
  }
  return [...groups].map(([address, group]) => ({ address, listens: group }));
}

function inDefaultOrder(servers: readonly TlsServer[], listens: readonly Listen[]): readonly TlsServer[] {
  const isDefault = ({ server }: TlsServer): boolean => server.listens.some((listen) => listen.isDefault && listens.includes(listen));
  const first = servers.find(isDefault);
  return first === undefined ? servers : [first, ...servers.filter((each) => each !== first)];
}
