/**
 * Asks the key servers that a configuration names for their key sets, and tells all threads. The answer of before stays in use while a server does not answer. Each
 * is asked by one request at a time, again after a failure with growing waits, and when a token names a key that is not known, but not more often than every
 * `WANTED_EVERY_MS`: clients can make up names of keys.
 */
import type { CredentialPlace } from "../../config/feature-files.ts";
import { messageOf } from "../../base/errors.ts";
import type { AppLog } from "../../observe/app-log.ts";
import type { SentCredentials } from "../../shared/credential-files.ts";
import type { BoundedRequests } from "../outside/bounded-requests.ts";
import { askKeyServer, keyServerRequests } from "./ask-key-server.ts";

export interface KeyServersOptions {
  readonly log: Pick<AppLog, "info" | "warn">;
  readonly version: string;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  /** Called when a server was asked, or will not be asked now although somebody wants it. */
  readonly told: () => void;
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
  /** Makes what sends requests. Absent: requests of Node's. */
  readonly requests?: () => Promise<BoundedRequests>;
}

/** A key set is asked for again after this time, whatever happens. */
const FRESH_MS = 10 * 60_000;
/** The least time between two requests because a token names a key that is not known. */
const WANTED_EVERY_MS = 30_000;
/** Waits after failures: the first, and the longest. */
const RETRY_MS = 1000;
const RETRY_MS_MAX = 60_000;

interface Server extends CredentialPlace {
  version: number;
  text: string | null;
  isAsked: boolean;
  /** When it was asked last; -Infinity: never. */
  askedAt: number;
  failures: number;
  cancel: (() => void) | null;
}

export class KeyServers {
  private readonly options: KeyServersOptions;
  private readonly servers: Map<string, Server> = new Map();
  private sender: Promise<BoundedRequests> | null = null;

  constructor(options: KeyServersOptions) {
    this.options = options;
  }

  /** Begins to ask the servers of a configuration that may come into use. Threads know of them from now on. */
  prepare(places: readonly CredentialPlace[]): void {
    const fresh = places.filter(({ path }) => !this.servers.has(path));
    for (const place of fresh) {
      const server = { ...place, version: 0, text: null, isAsked: false, askedAt: -Infinity, failures: 0, cancel: null };
      this.servers.set(place.path, server);
      void this.ask(server);
    }
    if (fresh.length > 0) this.options.told();
  }

  /** The servers of the configuration that is in use now: others are forgotten. */
  keep(places: readonly CredentialPlace[]): void {
    const kept = new Set(places.map(({ path }) => path));
    const gone = [...this.servers.values()].filter(({ path }) => !kept.has(path));
    for (const server of gone) this.forget(server);
    if (gone.length > 0) this.options.told();
  }

  current(): readonly SentCredentials[] {
    return [...this.servers.values()].map(({ path, version, text }) => ({ path, version, text }));
  }

  /** The key set of a server; null: it has not answered yet. */
  keySet(url: string): string | null {
    return this.servers.get(url)?.text ?? null;
  }

  /** A thread has a token whose key the server has not named yet. */
  want(url: string): void {
    const server = this.servers.get(url);
    if (server === undefined || server.isAsked) return;
    if (this.options.monotonic() - server.askedAt < WANTED_EVERY_MS) this.options.told();
    else void this.ask(server);
  }

  stop(): void {
    for (const server of this.servers.values()) this.forget(server);
    void this.sender?.then(({ close }) => close());
  }

  private forget(server: Server): void {
    server.cancel?.();
    this.servers.delete(server.path);
  }

  private async ask(server: Server): Promise<void> {
    const { options } = this;
    server.cancel?.();
    server.cancel = null;
    server.isAsked = true;
    server.askedAt = options.monotonic();
    const found = await this.keySetOf(server);
    server.isAsked = false;
    if (this.servers.get(server.path) !== server) return;
    const failed = "problem" in found;
    if (failed) this.failed(server, found.problem);
    else {
      if (server.failures > 0) options.log.info("key_server_answered", `the key server ${server.path} answers again`, { url: server.path });
      server.failures = 0;
      if (found.text !== server.text) {
        server.text = found.text;
        server.version++;
      }
    }
    options.told();
    const wait = failed ? Math.min(RETRY_MS * 2 ** (server.failures - 1), RETRY_MS_MAX) : FRESH_MS;
    server.cancel = options.after(wait, () => void this.ask(server));
  }

  private failed(server: Server, problem: string): void {
    const { path, text } = server;
    // Said once for each outage.
    if (++server.failures > 1) return;
    const meanwhile = text === null ? "tokens cannot be verified until it does" : "the keys at hand stay in use";
    this.options.log.warn("key_server_failed", `the key server ${path} gives no key set: ${problem}; ${meanwhile}`, { url: path });
  }

  private async keySetOf(server: Server): ReturnType<typeof askKeyServer> {
    try {
      const { requests, version } = this.options;
      this.sender ??= requests === undefined ? keyServerRequests(version) : requests();
      return await askKeyServer(server, await this.sender);
    } catch (error) {
      return { problem: messageOf(error) };
    }
  }
}
