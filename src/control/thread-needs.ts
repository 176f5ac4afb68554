/**
 * What threads need before the configuration that names it: address lists, descriptions of APIs, credentials, key sets, and what TLS of listeners and towards endpoints
 * needs, from files, key servers and authorities. And what sends the requests of threads to services outside.
 */
import { addressFilesOf, apiDocumentsOf, credentialFilesOf, keyServersOf } from "../config/feature-files.ts";
import { storesOf } from "../base/stores-of.ts";
import type { Config } from "../config/schema/schema.ts";
import type { AppLog } from "../observe/app-log.ts";
import type { TlsReading } from "../observe/certificate-reading.ts";
import { CertificateSender } from "../shared/certificate-news.ts";
import { AcmeSource } from "./acme/acme-source.ts";
import { afterMs } from "./after-ms.ts";
import { CertificateWatch } from "./certificates/certificate-watch.ts";
import { internalCertificates } from "./certificates/own-authorities.ts";
import { ListenerCertificates } from "./certificates/listener-certificates.ts";
import { UpstreamCertificates } from "./certificates/upstream-certificates.ts";
import { OutsideRequests } from "./outside/outside-requests.ts";
import { KeyServers } from "./key-servers/key-servers.ts";
import { AddressFiles } from "./named-files/address-files.ts";
import { ApiDescriptionFiles } from "./named-files/api-description-files.ts";
import { CredentialFilesOnDisk } from "./named-files/credential-files.ts";
import type { SentCredentials } from "../shared/credential-files.ts";
import { ResponseMemories } from "./stores/response-memories.ts";
import { StoreStates } from "./stores/store-states.ts";
import type { Supervisor } from "./workers/supervise.ts";
import type { WorkerNews } from "./workers/worker-handle.ts";

export interface ThreadNeedsOptions {
  readonly version: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  /** How many threads serve. */
  readonly seats: number;
}

export class ThreadNeeds {
  readonly lists: AddressFiles;
  readonly descriptions: ApiDescriptionFiles;
  readonly credentials: CredentialFilesOnDisk;
  readonly keyServers: KeyServers;
  readonly outside: OutsideRequests;
  /** What threads have told of the stores; they connect to them by themselves. */
  readonly stores: StoreStates;
  /** The memories of stores of responses. */
  readonly memories: ResponseMemories;
  readonly certificates: ListenerCertificates;
  readonly upstreams: UpstreamCertificates;
  readonly acme: AcmeSource;
  readonly watch: CertificateWatch;
  private readonly sent: CertificateSender = new CertificateSender();
  private readonly threads: () => Pick<Supervisor, "tell">;

  /** @param upstreamsChanged called when a file of TLS towards endpoints has changed */
  constructor(
    log: AppLog,
    threads: () => Pick<Supervisor, "tell">,
    { version, now, monotonic, seats }: ThreadNeedsOptions,
    upstreamsChanged: () => void,
  ) {
    this.threads = threads;
    this.watch = new CertificateWatch({ log, epochMs: now, after: afterMs, looked: () => this.certificates.dropOldResponses() });
    const { watch } = this;
    this.acme = new AcmeSource({
      log,
      version,
      now,
      watch,
      changed: () => this.certificates.changed(),
      tellChallenges: (answers) => threads().tell({ type: "challenges", answers }),
    });
    this.lists = new AddressFiles({ log, tell: (lists) => threads().tell({ type: "lists", lists }), after: afterMs });
    this.descriptions = new ApiDescriptionFiles({
      log,
      tell: (descriptions) => threads().tell({ type: "descriptions", descriptions }),
      after: afterMs,
    });
    const tellCredentials = (): void => threads().tell({ type: "credentials", files: this.sentCredentials() });
    this.credentials = new CredentialFilesOnDisk({ log, changed: tellCredentials, after: afterMs });
    this.keyServers = new KeyServers({ log, version, monotonic, told: tellCredentials, after: afterMs });
    this.outside = new OutsideRequests(version);
    this.stores = new StoreStates({ log, now });
    this.memories = new ResponseMemories({ seats, tell: (memories) => threads().tell({ type: "memories", memories }) });
    this.certificates = new ListenerCertificates({
      log,
      watch,
      sources: [this.acme, internalCertificates(log, () => this.certificates.changed())],
      tell: (listeners) => threads().tell({ type: "tls", listeners: this.sent.news(listeners) }),
      epochMs: now,
      now: monotonic,
      after: afterMs,
    });
    this.upstreams = new UpstreamCertificates({
      log,
      watch,
      epochMs: now,
      after: afterMs,
      tell: (upstreams) => threads().tell({ type: "tls", upstreams }),
      changed: upstreamsChanged,
    });
  }

  /** A client has named a name for which the TLS listener in `slot` has no certificate. Threads are told of one, or that there will be none. */
  async certificateWanted(slot: number, name: string): Promise<void> {
    if (!(await this.certificates.wanted(slot, name))) this.threads().tell({ type: "certificate-refused", slot, name });
  }

  /** What is known of TLS now. */
  get reading(): TlsReading {
    const { watch, acme } = this;
    return { certificates: watch.readings(), certificateFiles: watch.counts, acme: acme.reading };
  }

  /** What a thread that starts is told. */
  news(): readonly WorkerNews[] {
    const [lists, answers, listeners, upstreams] = [
      this.lists.current(),
      this.acme.challengeTexts,
      this.sent.all(),
      this.upstreams.current(),
    ];
    const files = this.sentCredentials();
    const descriptions = this.descriptions.current();
    const memories = this.memories.current();
    return [
      ...(memories.length === 0 ? [] : [{ type: "memories", memories } as const]),
      ...(files.length === 0 ? [] : [{ type: "credentials", files } as const]),
      ...(lists.length === 0 ? [] : [{ type: "lists", lists } as const]),
      ...(descriptions.length === 0 ? [] : [{ type: "descriptions", descriptions } as const]),
      ...(answers === null ? [] : [{ type: "challenges", answers } as const]),
      ...(listeners === null ? [] : [{ type: "tls", listeners } as const]),
      ...(upstreams.length === 0 ? [] : [{ type: "tls", upstreams } as const]),
    ];
  }

  private sentCredentials(): readonly SentCredentials[] {
    return [...this.credentials.current(), ...this.keyServers.current()];
  }

  /**
   * Reads what a configuration needs that may come into use, and tells it to all threads. Resolves with what is wrong, one line each.
   * @param listenerSlots of its listeners, in file order
   */
  async prepare({ routes, listeners, upstreams, stores }: Config, listenerSlots: readonly number[]): Promise<readonly string[]> {
    const problems = [
      ...this.lists.read(addressFilesOf(routes)),
      ...this.credentials.read(credentialFilesOf(routes)),
      ...(await this.descriptions.read(apiDocumentsOf(routes))),
      ...this.upstreams.prepare(upstreams),
      ...this.memories.prepare(stores),
    ];
    this.keyServers.prepare(keyServersOf(routes));
    return problems.length > 0 ? problems : this.certificates.prepare(listeners, listenerSlots);
  }

  /** The configuration that is in use now: what others needed is forgotten. */
  keep({ routes, listeners, upstreams, stores }: Config, listenerSlots: readonly number[]): void {
    this.stores.keep(storesOf(stores, "redis"));
    this.memories.keep(stores);
    this.upstreams.keep(upstreams);
    this.lists.keep(addressFilesOf(routes));
    this.credentials.keep(credentialFilesOf(routes));
    this.descriptions.keep(apiDocumentsOf(routes));
    this.keyServers.keep(keyServersOf(routes));
    this.certificates.keep(listeners, listenerSlots);
  }

  /** Resolves when nothing is left of orders that were under way. */
  async stop(): Promise<void> {
    this.watch.stop();
    this.lists.stop();
    this.credentials.stop();
    this.descriptions.stop();
    this.keyServers.stop();
    this.outside.stop();
    this.upstreams.stop();
    await this.certificates.stop();
  }
}
