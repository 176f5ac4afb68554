/**
 * Keeps the addresses of all endpoint host names up to date and tells the workers about changes, so that no request waits for DNS.
 *
 * Each name is looked up on its own timer, independent of the others, and again before its answer expires. While a name cannot be
 * resolved, its last good addresses stay in use.
 */
import { getServers } from "node:dns";
import type { ResolvedAddress } from "../../base/resolved-address.ts";
import type { AppLog } from "../../observe/app-log.ts";
import { parseHostsFile } from "../../policy/names/hosts-file.ts";
import { nextLookupInMs } from "../../policy/names/next-lookup.ts";
import type { LookupFailure } from "../../policy/names/next-lookup.ts";
import { parseResolvConf } from "../../policy/names/resolv-conf.ts";
import type { ResolvConf } from "../../policy/names/resolv-conf.ts";
import { NameTable } from "../../shared/name-table.ts";
import type { NameErrorCode, NameNews } from "../../shared/name-table.ts";
import { lookUp } from "./name-lookup.ts";
import type { LookupResult, LookupSettings } from "./name-lookup.ts";
import type { SystemFile } from "../system/system-file.ts";

export interface NamesOptions {
  readonly log: AppLog;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** At least 0 and below 1. */
  readonly random: () => number;
  readonly hosts: SystemFile;
  readonly resolvConf: SystemFile;
  /** Host name of this machine, for the search domain of resolv.conf. */
  readonly hostname: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Sends changes to all workers. */
  readonly tell: (news: readonly NameNews[]) => void;
  readonly lookUp?: typeof lookUp;
}

/** Look-ups that run at the same time. Each holds one or two sockets. */
const LOOKUPS_MAX = 256;

/** When the first name server failed and another one answered, that one is asked first for this long. Then the first one is tried again. */
const OTHER_SERVER_MS = 30_000;

const CODES: Readonly<Record<LookupFailure, NameErrorCode>> = { not_found: "ENOTFOUND", unavailable: "EAI_AGAIN", timeout: "ETIMEOUT" };
const WORDS: Readonly<Record<LookupFailure, string>> = {
  not_found: "there is no such name",
  unavailable: "the name servers cannot tell now",
  timeout: "no name server answered in time",
};

class Name {
  readonly name: string;
  /** Aborts the look-up under way. */
  abort: AbortController = new AbortController();
  /** Starts the next look-up. */
  timer: NodeJS.Timeout | null = null;
  /** What the workers were told last. Null: nothing yet. */
  news: NameNews | null = null;
  /** Look-ups in a row that failed. */
  failures: number = 0;

  constructor(name: string) {
    this.name = name;
  }
}

export class Names {
  /** The addresses that are known now. Probes, which run on this thread, look names up here. */
  readonly table: NameTable = new NameTable();
  private readonly options: NamesOptions;
  private readonly names: Map<string, Name> = new Map();
  /** Names that wait because LOOKUPS_MAX look-ups are running. Those whose last look-up failed (`waitingAfterFailure`) come last. */
  private readonly waiting: Name[] = [];
  private readonly waitingAfterFailure: Name[] = [];
  private running: number = 0;
  private conf: ResolvConf | null = null;
  private hosts: LookupSettings["hosts"] = new Map();
  private firstServer: { readonly position: number; readonly untilMs: number } = { position: 0, untilMs: 0 };

  constructor(options: NamesOptions) {
    this.options = options;
  }

  /** From now on looks up these names, and no others. */
  use(names: ReadonlySet<string>): void {
    this.table.expect(names);
    for (const [name, known] of this.names) {
      if (names.has(name)) continue;
      this.names.delete(name);
      end(known);
    }
    for (const name of names) {
      if (this.names.has(name)) continue;
      const fresh = new Name(name);
      this.names.set(name, fresh);
      this.begin(fresh);
    }
  }

  /** All results that are known now, for a worker that starts. */
  current(): NameNews[] {
    return [...this.names.values()].flatMap(({ news }) => (news === null ? [] : [news]));
  }

  stop(): void {
    this.use(new Set());
  }

  private begin(name: Name): void {
    name.timer = null;
    // The name was removed while it waited.
    if (this.names.get(name.name) !== name) return;
    if (this.running < LOOKUPS_MAX) void this.run(name);
    else (name.failures === 0 ? this.waiting : this.waitingAfterFailure).push(name);
  }

  /** Fills the free places among the running look-ups. A name that was removed while it waited takes no place. */
  private beginWaiting(): void {
    while (this.running < LOOKUPS_MAX) {
      const next = this.waiting.shift() ?? this.waitingAfterFailure.shift();
      if (next === undefined) return;
      this.begin(next);
    }
  }

  private async run(name: Name): Promise<void> {
    this.running++;
    const { signal } = (name.abort = new AbortController());
    const result = await (this.options.lookUp ?? lookUp)(name.name, this.settings(), signal);
    this.running--;
    this.beginWaiting();
    if (signal.aborted) return;
    if ("addresses" in result) this.found(name, result);
    else this.failed(name, result.failure);
    const last = "addresses" in result ? result : name;
    name.timer = setTimeout(() => this.begin(name), nextLookupInMs(last, this.options.random()));
  }

  private found(name: Name, { addresses }: Extract<LookupResult, { readonly addresses: unknown }>): void {
    const { log } = this.options;
    if (name.failures > 0) log.info("endpoint_name_resolved", `${name.name} can be resolved again`, { name: name.name });
    name.failures = 0;
    const texts = sorted(addresses);
    // Name servers rotate the order of addresses from answer to answer. A new order alone is no change.
    const before = name.news?.result;
    if (typeof before === "object" && sorted(before) === texts) return;
    log.debug("endpoint_name_found", `${name.name} leads to ${texts}`, { name: name.name });
    this.publish(name, { name: name.name, result: addresses });
  }

  private failed(name: Name, failure: LookupFailure): void {
    const stale = typeof name.news?.result === "object";
    if (++name.failures === 1) {
      const message = `${name.name} cannot be resolved: ${WORDS[failure]}${stale ? "; its last addresses stay in use" : ""}`;
      this.options.log.warn("endpoint_name_failed", message, { name: name.name, reason: failure });
    }
    if (!stale) this.publish(name, { name: name.name, result: CODES[failure] });
  }

  private publish(name: Name, news: NameNews): void {
    if (news.result === name.news?.result) return;
    name.news = news;
    this.table.take(news);
    this.options.tell([news]);
  }

  /** Settings for the next look-up. Reads /etc/hosts and /etc/resolv.conf again if they have changed. */
  private settings(): LookupSettings {
    const { hosts, resolvConf, environment, hostname, now, random } = this.options;
    const hostsText = hosts.changed();
    if (hostsText !== null) this.hosts = parseHostsFile(hostsText);
    const confText = resolvConf.changed();
    if (confText !== null || this.conf === null) {
      this.conf = parseResolvConf(confText ?? "", environment, hostname, getServers());
      this.firstServer = { position: 0, untilMs: 0 };
    }
    const { conf } = this;
    const { position, untilMs } = this.firstServer;
    return {
      hosts: this.hosts,
      conf,
      firstServer: conf.rotate ? Math.floor(random() * conf.servers.length) : now() < untilMs ? position : 0,
      onServer: (server) => {
        if (conf === this.conf) this.firstServer = { position: server, untilMs: now() + OTHER_SERVER_MS };
      },
    };
  }
}

/** The addresses as one text that does not depend on their order. */
function sorted(addresses: readonly ResolvedAddress[]): string {
  return addresses
    .map(({ address }) => address)
    .toSorted()
    .join(", ");
}

function end(name: Name): void {
  if (name.timer !== null) clearTimeout(name.timer);
  name.abort.abort();
}
