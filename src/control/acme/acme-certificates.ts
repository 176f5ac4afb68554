/**
 * All certificates that listeners obtain over ACME: which there are, what is served now, and what becomes of names that clients ask for. One order is for all
 * workers, because orders are made here, on the main thread; and for all processes that share a storage, because of its locks.
 */
import type { BoundedRequests, RequestBounds } from "../../acme/bounded-request.ts";
import { messageOf } from "../../base/errors.ts";
import type { AcmeConfig } from "../../config/schema/tls/acme-schema.ts";
import type { AcmeCertificateReading } from "../../observe/acme-reading.ts";
import type { AppLog } from "../../observe/app-log.ts";
import { retryTime } from "../../policy/renewal/retry-time.ts";
import type { ServedCertificate } from "../../shared/listener-tls.ts";
import type { ChallengeAnswers } from "../../shared/protocol.ts";
import { FollowedMaterial } from "../certificates/followed-material.ts";
import type { FollowedMaterialOptions, MaterialNeeds } from "../certificates/followed-material.ts";
import { AcmeSite } from "./acme-site.ts";
import { wantedBy, wantedCertificate } from "./certificate-order.ts";
import type { WantedCertificate } from "./certificate-order.ts";
import { ChallengeFolders } from "./challenge-folders.ts";
import { Gate } from "./gate.ts";
import { ManagedCertificate, isUsable } from "./managed-certificate.ts";
import { mayBeOrdered } from "./on-demand.ts";
import { AcmeStorage } from "./storage.ts";
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

interface Held {
  readonly certificate: ManagedCertificate;
  readonly site: AcmeSite;
  /** The slots of the listeners that serve it. */
  slots: ReadonlySet<number>;
  /** Empty: it stands in the configuration. */
  readonly onDemandName: string;
}

export class AcmeCertificates {
  readonly counts: OrderCounts = { obtained: 0, failed: 0 };
  private readonly options: AcmeCertificatesOptions;
  private readonly gate: Gate = new Gate();
  private readonly sites: Map<string, AcmeSite> = new Map();
  private readonly challenges: ChallengeFolders;
  /** Whom orders trust, where the configuration says so. */
  private readonly material: FollowedMaterial;
  private readonly held: Map<string, Held> = new Map();
  /** ACME of the listeners of the configuration that is in use, by their slots. */
  private listeners: AcmeListeners = new Map();
  /** Names that clients wait for, so that each is decided about once. */
  private readonly deciding: Map<string, Promise<boolean>> = new Map();
  private hasToldTexts: boolean = false;
  /** How many configurations are being prepared. */
  private preparing: number = 0;
  private isStopped: boolean = false;

  constructor(options: AcmeCertificatesOptions) {
    this.options = options;
    const { log, watch, clock } = options;
    this.material = new FollowedMaterial({ log, watch, epochMs: clock.now, after: clock.after, changed: () => {} });
    this.challenges = new ChallengeFolders({
      clock: options.clock,
      log: options.log,
      textsChanged: () => this.tellTexts(),
      certificatesChanged: () => this.announce(),
    });
  }

  /**
   * Looks for what the storage has for a configuration that may come into use. Resolves with what is wrong, one line each. A storage that cannot be used is no
   * reason to refuse a configuration: it may be back later, and the log says so.
   */
  async prepare(listeners: AcmeListeners): Promise<readonly string[]> {
    const { problems } = this.material.read(needsOf(listeners));
    if (problems.length > 0) return problems;
    for (const [key, { wanted, slots }] of wantedOf(listeners)) if (!this.held.has(key)) this.hold(key, wanted, slots, "");
    // Whoever has prepared this tells threads of all of it at once.
    this.preparing++;
    await Promise.all([...this.held.values()].map(({ certificate }) => certificate.adopted));
    this.preparing--;
    return [];
  }

  /** The listeners of the configuration that is in use now. What they have in common with those of before goes on. */
  keep(listeners: AcmeListeners): void {
    this.listeners = listeners;
    this.material.keep(needsOf(listeners));
    const wanted = wantedOf(listeners);
    for (const [key, held] of this.held) {
      const slots = held.onDemandName === "" ? wanted.get(key)?.slots : this.slotsOf(held.site);
      if (slots === undefined || slots.size === 0) this.drop(key, held);
      else held.slots = slots;
      held.certificate.begin();
    }
    const stays = new Set([...listeners.values()].map(siteKey));
    for (const [key, site] of this.sites) {
      if (stays.has(key)) continue;
      site.close();
      this.sites.delete(key);
    }
    this.challenges.keep(new Set([...listeners.values()].map(({ storage }) => storage)));
    this.tellTexts();
  }

  /** The listeners accept connections: now the authority can look at them, and orders begin. */
  open(): void {
    this.gate.open(ORDERS_MAX);
  }

  /** What the listener in that slot serves now, answers to challenges included. */
  servedBy(slot: number): readonly ServedCertificate[] {
    const own = [...this.held.values()].flatMap(({ certificate, slots }) => (slots.has(slot) ? (certificate.served ?? []) : []));
    return [...own, ...this.challenges.certificates];
  }

  /** What http-01 challenges are answered with; null: no plain listener will be asked. */
  get challengeTexts(): ChallengeAnswers | null {
    const { texts } = this.challenges;
    const mayBeAsked = texts.length > 0 || [...this.listeners.values()].some(({ challenge }) => challenge === "http-01");
    return mayBeAsked ? texts : null;
  }

  get states(): readonly AcmeCertificateReading[] {
    return [...this.held.values()].map(({ certificate, onDemandName }) => ({ ...certificate.state, onDemand: onDemandName !== "" }));
  }

  /**
   * A client wants a certificate for a name that none of the listener's has. Resolves with true when there is one now, and with false when there will be none.
   * @param name in lower case
   */
  wanted(acme: AcmeConfig, name: string): Promise<boolean> {
    const key = `${siteKey(acme)} ${name}`;
    const deciding = this.deciding.get(key);
    if (deciding !== undefined) return deciding;
    const decision = this.decide(acme, name)
      .then((isServed) => {
        if (isServed) this.announce();
        return isServed;
      })
      .catch((error: unknown) => {
        this.options.log.error("certificate_name_refused", `no certificate is ordered for ${name}: ${messageOf(error)}`, { name });
        return false;
      })
      .finally(() => this.deciding.delete(key));
    this.deciding.set(key, decision);
    return decision;
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.material.stop();
    for (const site of this.sites.values()) site.close();
    const enough = new AbortController();
    const stopped = Promise.all([...this.held.values()].map(({ certificate }) => certificate.stop()));
    await Promise.race([stopped, this.options.clock.wait(STOP_MS, enough.signal)]);
    enough.abort();
    this.held.clear();
    this.sites.clear();
    this.challenges.stop();
  }

  // ---- names on demand ------------------------------------------------------------------------------------------------

  /** Whether there is a certificate now. */
  private async decide(acme: AcmeConfig, name: string): Promise<boolean> {
    const slots = new Set([...this.listeners].flatMap(([slot, each]) => (siteKey(each) === siteKey(acme) ? [slot] : [])));
    if (slots.size === 0 || !mayBeOrdered(name)) return false;
    // A name of `domains` whose certificate is under way, or one that another client has asked for.
    const known = [...this.held.values()].find(
      (held) => [...slots].some((slot) => held.slots.has(slot)) && held.certificate.state.names.includes(name),
    );
    if (known !== undefined && !(known.onDemandName !== "" && known.certificate.hasExpired)) return ready(known.certificate);
    // It was not admitted any more when it was to be renewed, which may have changed.
    if (known !== undefined) this.dropOnDemand(known);
    const site = this.siteFor(acme);
    const { onDemand } = site;
    if (onDemand === null) return false;
    const wanted = wantedCertificate([name], acme);
    const stored = await site.storage.certificate(wanted.id).catch(() => null);
    const isStored = stored !== null && isUsable(stored, [name], this.options.clock.now());
    if (!isStored && !(await this.mayOrder(site, wanted, name))) return false;
    if (this.isStopped) return false;
    const key = keyOf(wanted);
    const { certificate } = this.held.get(key) ?? this.hold(key, wanted, slots, name);
    certificate.begin();
    if (await ready(certificate)) return true;
    // It is not tried again until a client asks, and for a while not then.
    const held = this.held.get(key);
    if (held !== undefined) this.drop(key, held);
    const failures = await site.storage.failures(wanted.id).catch(() => null);
    if (failures !== null) onDemand.remember(name, retryTime(failures, this.options.random()));
    return false;
  }

  private async mayOrder({ onDemand, storage }: AcmeSite, wanted: WantedCertificate, name: string): Promise<boolean> {
    const { clock, random } = this.options;
    const failures = await storage.failures(wanted.id).catch(() => null);
    if (failures !== null && retryTime(failures, random()) > clock.now()) return false;
    if (onDemand === null || (await onDemand.admits(name)) !== "yes") return false;
    return onDemand.mayOrder(name, this.countOnDemand());
  }

  /** Counts on-demand names, after it has dropped those that were not admitted any more, and so have expired. */
  private countOnDemand(): number {
    const all = [...this.held].filter(([, { onDemandName }]) => onDemandName !== "");
    const expired = all.filter(([, { certificate }]) => certificate.hasExpired);
    for (const [, held] of expired) this.dropOnDemand(held);
    return all.length - expired.length;
  }

  // ---- what is held ---------------------------------------------------------------------------------------------------

  private hold(key: string, wanted: WantedCertificate, slots: ReadonlySet<number>, onDemandName: string): Held {
    const { log, clock, random } = this.options;
    const site = this.siteFor(wanted.acme);
    const { onDemand } = site;
    const certificate = new ManagedCertificate({
      wanted,
      authority: site.authority,
      storage: site.storage,
      answers: site,
      clock,
      random,
      log,
      gate: this.gate,
      changed: () => this.announce(),
      ordered: (outcome) => void this.counts[outcome]++,
      admits: onDemandName === "" || onDemand === null ? null : () => onDemand.admits(onDemandName),
    });
    const held: Held = { certificate, site, slots, onDemandName };
    this.held.set(key, held);
    certificate.start();
    return held;
  }

  private dropOnDemand(held: Held): void {
    const entry = [...this.held].find(([, each]) => each === held);
    if (entry !== undefined) this.drop(entry[0], held);
  }

  private drop(key: string, { certificate }: Held): void {
    this.held.delete(key);
    void certificate.stop();
  }

  /** The slots of the listeners that have the settings of this site. */
  private slotsOf(site: AcmeSite): ReadonlySet<number> {
    return new Set([...this.listeners].flatMap(([slot, acme]) => (this.sites.get(siteKey(acme)) === site ? [slot] : [])));
  }

  private siteFor(acme: AcmeConfig): AcmeSite {
    const key = siteKey(acme);
    const known = this.sites.get(key);
    if (known !== undefined) return known;
    const { log, clock, version, requests } = this.options;
    const storage = new AcmeStorage(acme.storage);
    const challenges = this.challenges.in(storage);
    const made = new AcmeSite(acme, { storage, challenges, clock, log, version, trusted: (file) => this.trusted(file), requests });
    this.sites.set(key, made);
    return made;
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

async function ready(certificate: ManagedCertificate): Promise<boolean> {
  if (certificate.served === null) await certificate.settled;
  return certificate.served !== null;
}

function needsOf(listeners: AcmeListeners): MaterialNeeds {
  return { trusts: [...listeners.values()].flatMap(({ ca_file: file }) => (file === undefined ? [] : [{ ca_file: file }])) };
}

function siteKey({ directory, email, eab, ca_file: caFile, storage, dns, on_demand: onDemand }: AcmeConfig): string {
  return JSON.stringify([directory, email, eab, caFile, storage, dns, onDemand]);
}

function keyOf({ id, acme }: WantedCertificate): string {
  return JSON.stringify([id, acme.challenge, siteKey(acme)]);
}

/** What listeners want, with the slots of those that want the same. */
function wantedOf(
  listeners: AcmeListeners,
): ReadonlyMap<string, { readonly wanted: WantedCertificate; readonly slots: ReadonlySet<number> }> {
  const all = new Map<string, { readonly wanted: WantedCertificate; readonly slots: Set<number> }>();
  for (const [slot, acme] of listeners) {
    for (const wanted of wantedBy(acme)) {
      const key = keyOf(wanted);
      const known = all.get(key);
      if (known === undefined) all.set(key, { wanted, slots: new Set([slot]) });
      else known.slots.add(slot);
    }
  }
  return all;
}
