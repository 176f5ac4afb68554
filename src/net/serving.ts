/**
 * What a data-plane thread serves: the current configuration, and for each listener a context with this thread's connections. The owner of a
 * Serving (a data-plane thread, the test kit, the simulator) accepts sockets for the contexts and receives log lines.
 *
 * Slots identify listeners. A listener begins when a configuration names it, or earlier, when its sockets are opened on trial. It ends with
 * `closeListener`; its connections may live on for a while.
 */
import { Timed } from "../base/deadlines.ts";
import { endpointNames } from "../config/addresses/endpoint-names.ts";
import type { Config } from "../config/schema/schema.ts";
import { NO_FILES } from "../proxy/feature/file-store.ts";
import { NO_RESPONSE_STORES } from "../proxy/feature/response-store.ts";
import type { ResponseStores } from "../proxy/feature/response-store.ts";
import { onceEach } from "../proxy/feature/once.ts";
import { noLogins } from "../proxy/feature/login-ports.ts";
import type { LoginPorts } from "../proxy/feature/login-ports.ts";
import type { Platform } from "./platform.ts";
import type { FineClock } from "../proxy/feature/fine-clock.ts";
import { NO_PASSWORDS } from "../proxy/feature/password-checks.ts";
import type { PasswordChecks } from "../proxy/feature/password-checks.ts";
import { NO_STORES } from "../proxy/feature/shared-store.ts";
import type { Stores } from "../proxy/feature/shared-store.ts";
import type { FileStore } from "../proxy/feature/file-store.ts";
import type { FetchOptions, FetchRequest, FetchResult } from "../proxy/feature/fetch.ts";
import { noRegex } from "../policy/route/path-regex.ts";
import type { CompileRegex } from "../policy/route/path-regex.ts";
import { Snapshot } from "../proxy/snapshot.ts";
import type { SnapshotContext } from "../proxy/snapshot.ts";
import type { Endpoint } from "../proxy/upstream/endpoint.ts";
import { Upstreams } from "../proxy/upstream/upstreams.ts";
import { featureCounterIds } from "../shared/metric-table.ts";
import { AddressLists } from "../shared/address-lists.ts";
import { ApiDescriptions } from "../shared/api-descriptions.ts";
import { CredentialFiles } from "../shared/credential-files.ts";
import type { BucketTable } from "../shared/bucket-table.ts";
import type { InFlightTable } from "../shared/in-flight-table.ts";
import type { ListenerTls, TlsOfListeners } from "../shared/listener-tls.ts";
import type { ChallengeAnswers, ConfigureMessage } from "../shared/protocol.ts";
import type { SharedSession, TlsOfUpstreams, TlsSession } from "../shared/upstream-tls.ts";
import { HOST_SLOT } from "../shared/worker-table.ts";
import { ListenerContext, trustOf } from "./accept/listener-context.ts";
import type { ListenerConfig, Trust } from "./accept/listener-context.ts";
import { Thread } from "./thread.ts";
import type { ThreadOutput, ThreadParts } from "./thread.ts";
import { httpsPort } from "./accept/own-answers.ts";
import { connectionOf } from "./protocols.ts";

export interface ServingParts extends ThreadParts {
  readonly buckets: BucketTable;
  readonly inFlight: InFlightTable;
  /** Where responses are stored. Absent: nowhere. */
  readonly responses?: ResponseStores;
  readonly output: ThreadOutput;
  /** Makes the function that writes the status document of a configuration. */
  readonly status: (message: ConfigureMessage) => () => string;
  /** The features that a route can have, in the order in which they act. */
  readonly features: SnapshotContext["features"];
  /** Compiles the regular expressions of routes. Absent: there are none. */
  readonly compileRegex?: CompileRegex;
  /** The environment variables of the process. */
  readonly environment: SnapshotContext["environment"];
  /** The address lists that the configuration names. Absent: it names none. */
  readonly lists?: AddressLists;
  /** The descriptions of APIs that it names. Absent: it names none. */
  readonly descriptions?: ApiDescriptions;
  /** The files with credentials that the configuration names. Absent: it names none. */
  readonly credentials?: CredentialFiles;
  /** Verifies passwords. Absent: there are none to verify. */
  readonly passwords?: PasswordChecks;
  /** What logins need of the control plane. Absent: there are none. */
  readonly logins?: Pick<LoginPorts, "ask" | "table">;
  /** Stores that several machines share. Absent: the configuration names none. */
  readonly stores?: Stores;
  /** Returns the text of a file that the configuration names. The control plane has checked that the file can be read. */
  readonly readFile: (path: string) => string;
  /** Files that are read while requests are served. Absent: there are none. */
  readonly files?: FileStore;
}

/** Other threads are told of a session with an endpoint at most once in this time. */
const SESSION_TOLD_EVERY_MS = 60_000;

/** A closed listener whose connections are still running. */
interface Leaving {
  readonly context: ListenerContext;
  /** When the remaining connections are cut, in monotonic milliseconds. */
  readonly dueAt: number;
}

/** Calls a function at a deadline. */
class Alarm extends Timed {
  private readonly callback: () => void;

  constructor(callback: () => void) {
    super();
    this.callback = callback;
  }

  onDeadline(): void {
    this.callback();
  }
}

export class Serving {
  /** One context per listener of the configuration, in the configuration's order. */
  contexts: readonly ListenerContext[] = [];
  private readonly parts: ServingParts;
  /** Open listeners by slot: those of the configuration, those opened on trial, and those that the configuration no longer names. */
  private readonly open: Map<number, ListenerContext> = new Map();
  private leaving: readonly Leaving[] = [];
  private readonly upstreams: Upstreams;
  private readonly logins: LoginPorts;
  /** The cells of the features' counters; made when one first counts. */
  private counters: ReadonlyMap<string, number> | null = null;
  /** Host names of endpoints by generation: of the current configuration, and of earlier ones that some exchange still runs under. */
  private readonly names: Map<number, ReadonlySet<string>> = new Map();
  /** What listeners with TLS need, by slot, including listeners that are not open yet. */
  private tls: ReadonlyMap<number, ListenerTls> = new Map();
  private current: Thread | null = null;
  /** The upstreams of the configuration in use. */
  private configured: { readonly upstreams: Config["upstreams"]; readonly slots: ConfigureMessage["endpointSlots"] } | null = null;
  private trust: Trust = trustOf({ trusted_proxies: [], client_address_from: "x_forwarded_for" });
  /** Answers to http-01 challenges by token; null: there will be none. */
  private challenges: ReadonlyMap<string, string> | null = null;
  /** The port of URLs to which plain listeners redirect. */
  private httpsPort: number = 443;
  /** Whether the thread drains: it begins nothing new. */
  isDraining: boolean = false;
  private drainDueAt: number = Infinity;

  constructor(parts: ServingParts) {
    this.parts = parts;
    this.logins = {
      ...noLogins("nobody can be asked from here"),
      ...parts.logins,
      epochMs: () => parts.platform.epochMs(),
      after: (ms, then) => this.after(ms, then),
    };
    this.upstreams = new Upstreams(parts.workerIndex, (endpoint, session) => this.tellSession(endpoint, session));
  }

  /** The listener without sockets, for requests that a program hands over. Null: the configuration has none. */
  get host(): ListenerContext | null {
    return this.open.get(HOST_SLOT) ?? null;
  }

  private count(counter: string): void {
    const id = (this.counters ??= featureCounterIds(this.parts.features.map(({ facts }) => facts))).get(counter);
    if (id !== undefined) this.current?.metrics.add(id, 1);
  }

  /** The thread; null before the first configuration. */
  get thread(): Thread | null {
    return this.current;
  }

  /**
   * Puts a configuration into use and returns the thread. Running exchanges keep their configuration. A listener that the new configuration does
   * not name goes on as before until `closeListener`. Throws and changes nothing if the configuration cannot be compiled.
   * @param ownMiddleware the user's own middleware of each route
   */
  configure(message: ConfigureMessage, ownMiddleware: SnapshotContext["ownMiddleware"] = () => []): Thread {
    const { parts } = this;
    const { config, listenerSlots } = message;
    const { platform } = parts;
    const plan = this.upstreams.plan(config.upstreams, message.endpointSlots);
    const snapshot = new Snapshot(
      message,
      plan.groups,
      {
        workerIndex: parts.workerIndex,
        buckets: parts.buckets,
        inFlight: parts.inFlight,
        responses: parts.responses ?? NO_RESPONSE_STORES,
        after: (ms, then) => this.after(ms, then),
        now: () => this.current?.now ?? platform.now(),
        fine: fineClockOf(platform),
        status: parts.status(message),
        features: parts.features,
        ownMiddleware,
        compileRegex: parts.compileRegex ?? noRegex,
        environment: parts.environment,
        readFile: parts.readFile,
        lists: parts.lists ?? new AddressLists(),
        descriptions: parts.descriptions ?? new ApiDescriptions(),
        count: (counter) => this.count(counter),
        memory: {
          takeMemory: (bytes) => this.current?.takeMemory(bytes) ?? false,
          giveMemory: (bytes) => this.current?.giveMemory(bytes),
        },
        credentials: parts.credentials ?? new CredentialFiles(),
        passwords: parts.passwords ?? NO_PASSWORDS,
        logins: this.logins,
        stores: parts.stores ?? NO_STORES,
        files: parts.files ?? NO_FILES,
        once: onceEach(),
        report: (level, event, text, fields = {}) => parts.output.event(level, event, text, fields),
      },
      this.current?.snapshot ?? null,
    );
    plan.apply();
    this.configured = { upstreams: config.upstreams, slots: message.endpointSlots };
    this.names.set(message.generation, endpointNames(config));
    this.expectNames();
    const thread = this.current ?? new Thread(parts, snapshot, this.output());
    if (this.current !== null) thread.use(snapshot);
    this.current = thread;
    this.trust = trustOf(config);
    this.httpsPort = httpsPort(config);
    this.contexts = config.listeners.map((listener, position) => {
      const slot = listenerSlots[position];
      if (slot === undefined) throw new Error("a listener has no slot");
      const known = this.open.get(slot);
      if (known === undefined) return this.contextFor(thread, slot, listener);
      known.answers.httpsPort = this.httpsPort;
      known.update(listener, this.trust);
      return known;
    });
    if (config.host !== undefined) this.openListener(HOST_SLOT, config.host)?.update(config.host, this.trust);
    for (const context of this.all()) context.reserved = snapshot.reservedFields;
    return thread;
  }

  /** Plain listeners give these answers to http-01 challenges; null: to none, and then connections that are open will not do so later either. */
  useChallenges(answers: ChallengeAnswers | null): void {
    this.challenges = answers === null ? null : new Map(answers);
    for (const context of this.open.values()) context.answers.challenges = this.challenges;
  }

  /** Sets what listeners with TLS need, for new connections. It is kept for listeners that open later. */
  useTls(listeners: TlsOfListeners): void {
    this.tls = new Map(listeners);
    for (const [slot, context] of this.open) context.useTls(this.tls.get(slot) ?? null);
  }

  /**
   * Sets what the files hold that upstreams name for TLS: new connections use it, and those are closed that were opened before, once they are idle.
   * It is kept for configurations that come later.
   */
  useUpstreamTls(files: TlsOfUpstreams): void {
    const { current, configured } = this;
    if (!this.upstreams.useFiles(files) || current === null || configured === null) return;
    this.upstreams.plan(configured.upstreams, configured.slots).apply();
    current.retirePools();
  }

  /** Another thread has got a TLS session with an endpoint. */
  takeSession(shared: SharedSession): void {
    const { platform } = this.parts;
    const endpoint = this.upstreams.takeSession(shared, platform.epochMs());
    if (endpoint !== null) endpoint.sessionToldAt = platform.now();
  }

  /** There will be no certificate for that name on the listener in `slot`: the handshakes that wait for it are refused. */
  refuseCertificate(slot: number, name: string): void {
    this.open.get(slot)?.refuseCertificate(name);
  }

  /** Sends a request of the proxy's own to an upstream of the configuration in use. Without one of that name it fails with `no_upstream`. */
  async fetch(upstream: string, request: FetchRequest, options: FetchOptions): Promise<FetchResult> {
    const { current } = this;
    const set = current?.snapshot.endpointsOf(upstream) ?? null;
    return current === null || set === null ? { head: null, failure: "no_upstream" } : current.fetch(set, request, options);
  }

  /** The context of the listener in `slot`; a new one gets `settings`. Null before the first configuration. */
  openListener(slot: number, settings: ListenerConfig): ListenerContext | null {
    const { current } = this;
    if (current === null) return null;
    return this.open.get(slot) ?? this.contextFor(current, slot, settings);
  }

  /** Ends a listener whose sockets the caller has closed. Its running exchanges have `timeoutMs` to end; then they are cut. */
  closeListener(slot: number, timeoutMs: number): void {
    const context = this.open.get(slot);
    if (context === undefined) return;
    this.open.delete(slot);
    context.drain();
    if (context.connections.size > 0) this.leaving = [...this.leaving, { context, dueAt: this.parts.platform.now() + timeoutMs }];
  }

  /** Begins nothing new; running exchanges have `timeoutMs` to end. The caller has closed the listeners' sockets. */
  drain(timeoutMs: number): void {
    if (this.current === null) return;
    this.isDraining = true;
    this.drainDueAt = this.parts.platform.now() + timeoutMs;
    for (const context of this.open.values()) context.drain();
  }

  /** To be called at each tick. Null while the thread is not drained; then closes everything and returns how many exchanges were cut. */
  drained(now: number): number | null {
    if (!this.isDraining) return null;
    const isOpen = this.all().some(({ connections }) => connections.size > 0);
    if (isOpen && now < this.drainDueAt) return null;
    return this.close();
  }

  /** Ends everything at once. Returns how many exchanges were cut. */
  close(): number {
    const cut = this.all().reduce((sum, context) => sum + context.cut(), 0);
    this.current?.close();
    return cut;
  }

  private after(ms: number, then: () => void): () => void {
    const { current } = this;
    if (current === null) return () => {};
    const alarm = new Alarm(then);
    current.deadlines.set(alarm, current.now + ms);
    return () => current.deadlines.remove(alarm);
  }

  private tellSession(endpoint: Endpoint, session: TlsSession): void {
    const now = this.parts.platform.now();
    if (now - endpoint.sessionToldAt < SESSION_TOLD_EVERY_MS) return;
    endpoint.sessionToldAt = now;
    const { slot, url, settings } = endpoint;
    this.parts.output.session?.({ slot, url, tls: settings.tls.id, session });
  }

  private contextFor(thread: Thread, slot: number, settings: ListenerConfig): ListenerContext {
    const context = new ListenerContext(thread, slot, settings, this.trust, connectionOf);
    context.answers.httpsPort = this.httpsPort;
    context.answers.challenges = this.challenges;
    context.reserved = thread.snapshot.reservedFields;
    context.useTls(this.tls.get(slot) ?? null);
    this.open.set(slot, context);
    // A reload that began before the drain may open a listener after it.
    if (this.isDraining) context.drain();
    return context;
  }

  private all(): readonly ListenerContext[] {
    return [...this.open.values(), ...this.leaving.map(({ context }) => context)];
  }

  private output(): ThreadOutput {
    const { output } = this.parts;
    const released = (generation: number): void => {
      this.names.delete(generation);
      this.expectNames();
      output.released(generation);
    };
    const tick = (now: number): void => {
      if (this.leaving.length > 0) this.endLeaving(now);
      output.tick(now);
    };
    return { ...output, released, tick };
  }

  private endLeaving(now: number): void {
    for (const { context, dueAt } of this.leaving) if (now >= dueAt) context.cut();
    this.leaving = this.leaving.filter(({ context }) => context.connections.size > 0);
  }

  private expectNames(): void {
    this.parts.names.expect(new Set([...this.names.values()].flatMap((names) => [...names])));
  }
}

function fineClockOf(platform: Platform): FineClock {
  return {
    now: () => platform.now(),
    after: (ms, then) => {
      const stop = platform.every(ms, () => {
        stop();
        then();
      });
      return stop;
    },
    atTurnEnd: (then) => platform.atTurnEnd(then),
  };
}
