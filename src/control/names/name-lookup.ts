/**
 * Looks up one host name: first in /etc/hosts, then at the name servers of /etc/resolv.conf. The question goes out through c-ares,
 * which works on the event loop. Node's `dns.lookup` would use a pool of four threads that all names share, so that one slow name
 * delays the others (docs/decisions/0012-names-of-endpoints.md).
 */
import { Resolver } from "node:dns";
import { networkInterfaces } from "node:os";
import { codeOf } from "../../base/errors.ts";
import type { ResolvedAddress } from "../../base/resolved-address.ts";
import { addressesWithoutDns } from "../../policy/names/hosts-file.ts";
import type { HostsFile } from "../../policy/names/hosts-file.ts";
import type { LookupFailure } from "../../policy/names/next-lookup.ts";
import { namesToAsk } from "../../policy/names/resolv-conf.ts";
import type { ResolvConf } from "../../policy/names/resolv-conf.ts";

export type LookupResult = { readonly addresses: readonly ResolvedAddress[]; readonly ttlMs: number } | { readonly failure: LookupFailure };

export interface LookupSettings {
  readonly hosts: HostsFile;
  readonly conf: ResolvConf;
  /** Index in `conf.servers` of the server to ask first. */
  readonly firstServer: number;
  /** Called with the index of the server that answered, if an earlier one could not. */
  readonly onServer: (server: number) => void;
}

/** Time limit for a whole look-up, whatever /etc/resolv.conf allows. */
const LOOKUP_MS = 10_000;

/** How long to wait for the second address family after the first has answered. Some servers never answer questions for IPv6. */
const OTHER_FAMILY_MS = 250;

/** The result of one question. When only one family was asked, `not_found` means only that there is no address of that family. */
type Reply = LookupResult;

/** Looks up one name. Never rejects. An abort ends it with the failure `timeout`. */
export async function lookUp(name: string, settings: LookupSettings, signal: AbortSignal): Promise<LookupResult> {
  const known = addressesWithoutDns(settings.hosts, name);
  if (known?.length === 0) return { failure: "not_found" };
  // Reading /etc/hosts is cheap, so its answer may be looked up again at once.
  if (known !== null) return { addresses: known, ttlMs: 0 };
  const limit = new AbortController();
  const abort = (): void => limit.abort();
  const timer = setTimeout(abort, LOOKUP_MS);
  signal.addEventListener("abort", abort);
  try {
    return await askInTurn(namesToAsk(name, settings.conf), settings, limit.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

/** Tries the name with each search domain of resolv.conf in turn. */
async function askInTurn(questions: readonly string[], settings: LookupSettings, signal: AbortSignal): Promise<Reply> {
  let failure: LookupFailure = "not_found";
  for (const question of questions) {
    const reply = await askBoth(question, settings, signal);
    if ("addresses" in reply || reply.failure === "timeout") return reply;
    // Like res_nsearch, go on after a server failed for one name: it may know the next. But the result is then never `not_found`.
    if (reply.failure === "unavailable") failure = "unavailable";
  }
  return { failure };
}

/** Asks for both families at once, or for IPv4 alone where IPv6 is of no use. */
async function askBoth(question: string, settings: LookupSettings, signal: AbortSignal): Promise<Reply> {
  if (settings.conf.noIpv6 || !hasIpv6()) return askServers(question, 4, settings, signal);
  const enough = new AbortController();
  const limit = AbortSignal.any([signal, enough.signal]);
  let patience: NodeJS.Timeout | undefined;
  const [six, four] = await Promise.all(
    ([6, 4] as const).map(async (family) => {
      const reply = await askServers(question, family, settings, limit);
      if ("addresses" in reply) patience ??= setTimeout(() => enough.abort(), OTHER_FAMILY_MS);
      return reply;
    }),
  );
  clearTimeout(patience);
  return together(six, four);
}

function together(six: Reply | undefined, four: Reply | undefined): Reply {
  const replies = [six, four].filter((reply) => reply !== undefined);
  const found = replies.filter((reply) => "addresses" in reply);
  if (found.length > 0) {
    return { addresses: found.flatMap(({ addresses }) => addresses), ttlMs: Math.min(...found.map(({ ttlMs }) => ttlMs)) };
  }
  const failures = replies.flatMap((reply) => ("failure" in reply ? [reply.failure] : []));
  return { failure: failures.find((each) => each === "timeout") ?? failures.find((each) => each === "unavailable") ?? "not_found" };
}

/** Asks the servers in turn, as often as resolv.conf says, until one knows whether the name has addresses. */
async function askServers(question: string, family: 4 | 6, settings: LookupSettings, signal: AbortSignal): Promise<Reply> {
  const { servers, attempts, timeoutMs } = settings.conf;
  let failure: LookupFailure = "timeout";
  for (let asked = 0; asked < attempts * servers.length && !signal.aborted; asked++) {
    const position = (settings.firstServer + asked) % servers.length;
    const reply = await askServer(servers[position] ?? "", question, family, timeoutMs, signal);
    if ("failure" in reply && reply.failure !== "not_found") {
      failure = reply.failure;
      continue;
    }
    if (asked > 0) settings.onServer(position);
    return reply;
  }
  return { failure };
}

/** Asks one server. Each question has its own resolver: it uses a new source port, and cancelling it cancels no other question. */
function askServer(server: string, question: string, family: 4 | 6, timeoutMs: number, signal: AbortSignal): Promise<Reply> {
  return new Promise((resolve) => {
    const resolver = new Resolver({ timeout: timeoutMs, tries: 1 });
    // c-ares checks its time limits only about once a second, hence the timer here.
    const cancel = (): void => resolver.cancel();
    const limit = setTimeout(cancel, timeoutMs);
    const end = (reply: Reply): void => {
      clearTimeout(limit);
      signal.removeEventListener("abort", cancel);
      resolve(reply);
    };
    signal.addEventListener("abort", cancel, { once: true });
    const answer = (error: Error | null, records: readonly { readonly address: string; readonly ttl: number }[] = []): void => {
      if (error !== null) return end({ failure: FAILURES[codeOf(error)] ?? "unavailable" });
      const addresses = records.map(({ address }): ResolvedAddress => ({ address, family }));
      end(addresses.length === 0 ? { failure: "not_found" } : { addresses, ttlMs: 1000 * Math.min(...records.map(({ ttl }) => ttl)) });
    };
    try {
      resolver.setServers([server]);
      if (family === 4) resolver.resolve4(question, { ttl: true }, answer);
      else resolver.resolve6(question, { ttl: true }, answer);
    } catch {
      // c-ares throws for a malformed name or server.
      end({ failure: "unavailable" });
    }
  });
}

/** By the error code of c-ares. Any other code means that this server does not know. */
const FAILURES: Readonly<Record<string, LookupFailure>> = {
  ENOTFOUND: "not_found",
  ENODATA: "not_found",
  ETIMEOUT: "timeout",
  ECANCELLED: "timeout",
};

/** Whether the machine has an IPv6 address that reaches other machines, the test of AI_ADDRCONFIG in getaddrinfo(3). */
function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((addresses = []) =>
    addresses.some(({ family, internal, address }) => family === "IPv6" && !internal && !address.startsWith("fe80:")),
  );
}
