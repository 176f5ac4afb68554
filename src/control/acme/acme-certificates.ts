/**
 * All certificates that listeners obtain over ACME: which there are, and what is served now. One order is for all
 * workers, because orders are made here, on the main thread; and for all processes that share a storage, because of its locks.
 */
import type { BoundedRequests, RequestBounds } from "../outside/bounded-requests.ts";
import type { AcmeConfig } from "../../config/schema/tls/acme-schema.ts";
import type { AcmeCertificateReading } from "../../observe/acme-reading.ts";
import type { AppLog } from "../../observe/app-log.ts";
import type { ServedCertificate } from "../../shared/listener-tls.ts";
import type { ChallengeAnswers } from "../../shared/protocol.ts";
import { FollowedMaterial } from "../certificates/followed-material.ts";
import type { FollowedMaterialOptions, MaterialNeeds } from "../certificates/followed-material.ts";
import { wantedBy } from "./certificate-order.ts";
import type { WantedCertificate } from "./certificate-order.ts";
import { ChallengeFolders } from "./challenge-folders.ts";
import { Gate } from "./gate.ts";
import { HeldCertificates, certificateKey, siteKey } from "./held-certificates.ts";
import { OnDemandCertificates } from "./on-demand-certificates.ts";
import type { LockClock } from "./storage-lock.ts";

/** Orders that run at once. Each holds a connection and some memory; authorities take more. */
const ORDERS_MAX = 8;

export interface AcmeCertificatesOptions {
  readonly log: AppLog;
  readonly clock: LockClock;
  /** At least 0 and below 1. */
  readonly random: () => number;
  readonly version: string;
  /** Counts what changes of files. */
  readonly watch: FollowedMaterialOptions["watch"];
  readonly requests: (bounds: RequestBounds) => BoundedRequests;
  /** Called when other certificates are served than before. */
  readonly changed: () => void;
  /** Tells all threads what http-01 challenges are answered with; null: they will not be asked. */
  readonly tellChallenges: (answers: ChallengeAnswers | null) => void;
}

/** The end of the process waits this long for orders to let go: of locks, and of answers to challenges. Programs for DNS records may take longer. */
const STOP_MS = 5000;

/** ACME of listeners, by their slots in the worker table. */
export type AcmeListeners = ReadonlyMap<number, AcmeConfig>;

/** How many orders came to an end. */
export interface OrderCounts {
  obtained: number;
  failed: number;
}

export class AcmeCertificates {
  readonly counts: OrderCounts = { obtained: 0, failed: 0 };
  private readonly options: AcmeCertificatesOptions;
  private readonly gate: Gate = new Gate();
  private readonly challenges: ChallengeFolders;
  private readonly held: HeldCertificates;
  private readonly onDemand: OnDemandCertificates;
  /** Whom orders trust, where the configuration says so. */
  private readonly material: FollowedMaterial;
  /** ACME of the listeners of the configuration that is in use, by their slots. */
  private listeners: AcmeListeners = new Map();
  private hasToldTexts: boolean = false;
  /** How many configurations are being prepared. */
  private preparing: number = 0;
  private isStopped: boolean = false;

  constructor(options: AcmeCertificatesOptions) {
    this.options = options;
    const { log, watch, clock, random, version, requests } = options;
    const changed = (): void => this.announce();
    this.material = new FollowedMaterial({ log, watch, epochMs: clock.now, after: clock.after, changed: () => {} });
    this.challenges = new ChallengeFolders({ clock, log, textsChanged: () => this.tellTexts(), certificatesChanged: changed });
    this.held = new HeldCertificates({
      log,
      clock,
      random,
      version,
      requests,
      trusted: (file) => this.trusted(file),
      challenges: this.challenges,
      gate: this.gate,
      changed,
      ordered: (outcome) => void this.counts[outcome]++,
    });
    const slotsOf = (acme: AcmeConfig): ReadonlySet<number> => this.slotsOf(acme);
    this.onDemand = new OnDemandCertificates({ held: this.held, log, clock, random, slotsOf, served: changed });
  }

  /**
   * Looks for what the storage has for a configuration that may come into use. Resolves with what is wrong, one line each. A storage that cannot be used is no
   * reason to refuse a configuration: it may be back later, and the log says so.
   */
  async prepare(listeners: AcmeListeners): Promise<readonly string[]> {
    const { problems } = this.material.read(needsOf(listeners));
    if (problems.length > 0) return problems;
    for (const { wanted, slots } of wantedOf(listeners).values())
      if (this.held.find(wanted) === undefined) this.held.hold(wanted, slots, "");
    // Whoever has prepared this tells threads of all of it at once.
    this.preparing++;
    await Promise.all(this.held.all.map(({ certificate }) => certificate.adopted));
    this.preparing--;
    return [];
  }

  /** The listeners of the configuration that is in use now. What they have in common with those of before goes on. */
  keep(listeners: AcmeListeners): void {
    this.listeners = listeners;
    this.material.keep(needsOf(listeners));
    const wanted = wantedOf(listeners);
    for (const held of this.held.all) {
      const slots = held.onDemandName === "" ? wanted.get(certificateKey(held.wanted))?.slots : this.slotsOf(held.wanted.acme);
      if (slots === undefined || slots.size === 0) this.held.drop(held);
      else held.slots = slots;
      held.certificate.begin();
    }
    const settings = [...listeners.values()];
    this.held.keepSites(settings);
    this.challenges.keep(new Set(settings.map(({ storage }) => storage)));
    this.tellTexts();
  }

  /** The listeners accept connections: now the authority can look at them, and orders begin. */
  open(): void {
    this.gate.open(ORDERS_MAX);
  }

  /** What the listener in that slot serves now, answers to challenges included. */
  servedBy(slot: number): readonly ServedCertificate[] {
    const own = this.held.all.flatMap(({ certificate, slots }) => (slots.has(slot) ? (certificate.served ?? []) : []));
    return [...own, ...this.challenges.certificates];
  }

  /** What http-01 challenges are answered with; null: no plain listener will be asked. */
  get challengeTexts(): ChallengeAnswers | null {
    const { texts } = this.challenges;
    const mayBeAsked = texts.length > 0 || [...this.listeners.values()].some(({ challenge }) => challenge === "http-01");
    return mayBeAsked ? texts : null;
  }

  get states(): readonly AcmeCertificateReading[] {
    return this.held.all.map(({ certificate, onDemandName }) => ({ ...certificate.state, onDemand: onDemandName !== "" }));
  }

  /**
   * A client wants a certificate for a name that none of the listener's has. Resolves with true when there is one now, and with false when there will be none.
   * @param name in lower case
   */
  wanted(acme: AcmeConfig, name: string): Promise<boolean> {
    return this.onDemand.wanted(acme, name);
  }

  /** Resolves when nothing is left of orders that were under way, or after some seconds. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.material.stop();
    this.onDemand.stop();
    const enough = new AbortController();
    await Promise.race([this.held.stop(), this.options.clock.wait(STOP_MS, enough.signal)]);
    enough.abort();
    this.challenges.stop();
  }

  /** The slots of the listeners that have the settings of these. */
  private slotsOf(acme: AcmeConfig): ReadonlySet<number> {
    const key = siteKey(acme);
    return new Set([...this.listeners].flatMap(([slot, each]) => (siteKey(each) === key ? [slot] : [])));
  }

  private trusted(file: string): string {
    const ca = this.material.trust({ ca_file: file })?.ca;
    if (typeof ca !== "string") throw new Error(`${file} was not read`);
    return ca;
  }

  private announce(): void {
    if (!this.isStopped && this.preparing === 0) this.options.changed();
  }

  private tellTexts(): void {
    const texts = this.challengeTexts;
    if (texts !== null || this.hasToldTexts) this.options.tellChallenges(texts);
    this.hasToldTexts = texts !== null;
  }
}

function needsOf(listeners: AcmeListeners): MaterialNeeds {
  return { trusts: [...listeners.values()].flatMap(({ ca_file: file }) => (file === undefined ? [] : [{ ca_file: file }])) };
}

/** What listeners want, with the slots of those that want the same. */
function wantedOf(
  listeners: AcmeListeners,
): ReadonlyMap<string, { readonly wanted: WantedCertificate; readonly slots: ReadonlySet<number> }> {
  const all = new Map<string, { readonly wanted: WantedCertificate; readonly slots: Set<number> }>();
  for (const [slot, acme] of listeners) {
    for (const wanted of wantedBy(acme)) {
      const key = certificateKey(wanted);
      const known = all.get(key);
      if (known === undefined) all.set(key, { wanted, slots: new Set([slot]) });
      else known.slots.add(slot);
    }
  }
  return all;
}
