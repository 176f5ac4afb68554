/** The certificates that are looked after at the moment, each once, with what those of the same settings share (acme-site.ts). */
import type { BoundedRequests, RequestBounds } from "../outside/bounded-requests.ts";
import type { AcmeConfig } from "../../config/schema/tls/acme-schema.ts";
import type { AppLog } from "../../observe/app-log.ts";
import { AcmeSite } from "./acme-site.ts";
import type { WantedCertificate } from "./certificate-order.ts";
import type { ChallengeFolders } from "./challenge-folders.ts";
import type { Gate } from "./gate.ts";
import { ManagedCertificate } from "./managed-certificate.ts";
import { AcmeStorage } from "./storage.ts";
import type { LockClock } from "./storage-lock.ts";

export interface HeldCertificatesOptions {
  readonly log: AppLog;
  readonly clock: LockClock;
  /** At least 0 and below 1. */
  readonly random: () => number;
  readonly version: string;
  readonly requests: (bounds: RequestBounds) => BoundedRequests;
  /** The trusted certificates of a `ca_file` as they are now, PEM text. */
  readonly trusted: (file: string) => string;
  readonly challenges: ChallengeFolders;
  /** Lets a few orders run at once. */
  readonly gate: Gate;
  /** Called when there is another certificate to serve. */
  readonly changed: () => void;
  /** Called after each order. */
  readonly ordered: (outcome: "obtained" | "failed") => void;
}

export interface HeldCertificate {
  readonly wanted: WantedCertificate;
  readonly certificate: ManagedCertificate;
  readonly site: AcmeSite;
  /** The slots of the listeners that serve it. */
  slots: ReadonlySet<number>;
  /** Empty: it stands in the configuration. */
  readonly onDemandName: string;
}

export class HeldCertificates {
  private readonly options: HeldCertificatesOptions;
  private readonly sites: Map<string, AcmeSite> = new Map();
  private readonly held: Map<string, HeldCertificate> = new Map();

  constructor(options: HeldCertificatesOptions) {
    this.options = options;
  }

  get all(): readonly HeldCertificate[] {
    return [...this.held.values()];
  }

  find(wanted: WantedCertificate): HeldCertificate | undefined {
    return this.held.get(certificateKey(wanted));
  }

  /** Begins to look after a certificate. @param onDemandName the name that a client has named; empty: the configuration wants it */
  hold(wanted: WantedCertificate, slots: ReadonlySet<number>, onDemandName: string): HeldCertificate {
    const { log, clock, random, gate, changed, ordered } = this.options;
    const site = this.siteFor(wanted.acme);
    const { authority, storage, onDemand } = site;
    const admits = onDemandName === "" || onDemand === null ? null : () => onDemand.admits(onDemandName);
    const parts = { wanted, authority, storage, answers: site, clock, random, log, gate, changed, ordered, admits };
    const held = { wanted, certificate: new ManagedCertificate(parts), site, slots, onDemandName };
    this.held.set(certificateKey(wanted), held);
    held.certificate.start();
    return held;
  }

  drop({ wanted, certificate }: HeldCertificate): void {
    this.held.delete(certificateKey(wanted));
    void certificate.stop();
  }

  siteFor(acme: AcmeConfig): AcmeSite {
    const key = siteKey(acme);
    const known = this.sites.get(key);
    if (known !== undefined) return known;
    const { log, clock, version, trusted, requests, challenges } = this.options;
    const storage = new AcmeStorage(acme.storage);
    const made = new AcmeSite(acme, { storage, challenges: challenges.in(storage), clock, log, version, trusted, requests });
    this.sites.set(key, made);
    return made;
  }

  /** The settings that are in use now: what others needed is closed. */
  keepSites(settings: readonly AcmeConfig[]): void {
    const stays = new Set(settings.map(siteKey));
    for (const [key, site] of this.sites) {
      if (stays.has(key)) continue;
      site.close();
      this.sites.delete(key);
    }
  }

  /** Resolves when nothing is left of orders that were under way. */
  async stop(): Promise<void> {
    for (const site of this.sites.values()) site.close();
    await Promise.all(this.all.map(({ certificate }) => certificate.stop()));
  }
}

/** Equal for settings that share a site. */
export function siteKey({ directory, email, eab, ca_file: caFile, storage, dns, on_demand: onDemand }: AcmeConfig): string {
  return JSON.stringify([directory, email, eab, caFile, storage, dns, onDemand]);
}

/** Equal for certificates that are one. */
export function certificateKey({ id, acme }: WantedCertificate): string {
  return JSON.stringify([id, acme.challenge, siteKey(acme)]);
}
