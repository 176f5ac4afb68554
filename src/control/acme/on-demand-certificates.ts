/** What becomes of names that clients ask for and no certificate has: those that a service admits are ordered (on-demand.ts), and looked after as all others. */
import { messageOf } from "../../base/errors.ts";
import type { AcmeConfig } from "../../config/schema/tls/acme-schema.ts";
import type { AppLog } from "../../observe/app-log.ts";
import { retryTime } from "../../policy/renewal/retry-time.ts";
import type { AcmeSite } from "./acme-site.ts";
import { wantedCertificate } from "./certificate-order.ts";
import type { WantedCertificate } from "./certificate-order.ts";
import { siteKey } from "./held-certificates.ts";
import type { HeldCertificate, HeldCertificates } from "./held-certificates.ts";
import { isUsable } from "./managed-certificate.ts";
import type { ManagedCertificate } from "./managed-certificate.ts";
import { mayBeOrdered } from "./on-demand.ts";
import type { LockClock } from "./storage-lock.ts";

export interface OnDemandCertificatesOptions {
  readonly held: HeldCertificates;
  readonly log: Pick<AppLog, "error">;
  readonly clock: Pick<LockClock, "now">;
  /** At least 0 and below 1. */
  readonly random: () => number;
  /** The slots of the listeners with these settings now. */
  readonly slotsOf: (acme: AcmeConfig) => ReadonlySet<number>;
  /** Called when a client waits for a certificate that there is. */
  readonly served: () => void;
}

export class OnDemandCertificates {
  private readonly options: OnDemandCertificatesOptions;
  /** Names that clients wait for, so that each is decided about once. */
  private readonly deciding: Map<string, Promise<boolean>> = new Map();
  private isStopped: boolean = false;

  constructor(options: OnDemandCertificatesOptions) {
    this.options = options;
  }

  /**
   * A client wants a certificate for a name that none of the listener's has. Resolves with true when there is one now, and with false when there will be none.
   * @param name in lower case
   */
  wanted(acme: AcmeConfig, name: string): Promise<boolean> {
    const key = `${siteKey(acme)} ${name}`;
    const deciding = this.deciding.get(key);
    if (deciding !== undefined) return deciding;
    const { log, served } = this.options;
    const decision = this.decide(acme, name)
      .then((isServed) => {
        if (isServed) served();
        return isServed;
      })
      .catch((error: unknown) => {
        log.error("certificate_name_refused", `no certificate is ordered for ${name}: ${messageOf(error)}`, { name });
        return false;
      })
      .finally(() => this.deciding.delete(key));
    this.deciding.set(key, decision);
    return decision;
  }

  stop(): void {
    this.isStopped = true;
  }

  /** Whether there is a certificate now. */
  private async decide(acme: AcmeConfig, name: string): Promise<boolean> {
    const { held, clock, random, slotsOf } = this.options;
    const slots = slotsOf(acme);
    if (slots.size === 0 || !mayBeOrdered(name)) return false;
    // A name of `domains` whose certificate is under way, or one that another client has asked for.
    const known = held.all.find((each) => [...slots].some((slot) => each.slots.has(slot)) && each.certificate.state.names.includes(name));
    if (known !== undefined && !isForgotten(known)) return ready(known.certificate);
    // It was not admitted any more when it was to be renewed, which may have changed.
    if (known !== undefined) held.drop(known);
    const site = held.siteFor(acme);
    const { onDemand, storage } = site;
    if (onDemand === null) return false;
    const wanted = wantedCertificate([name], acme);
    const stored = await storage.certificate(wanted.id).catch(() => null);
    const isStored = stored !== null && isUsable(stored, [name], clock.now());
    if (!isStored && !(await this.mayOrder(site, wanted, name))) return false;
    if (this.isStopped) return false;
    const { certificate } = held.find(wanted) ?? held.hold(wanted, slots, name);
    certificate.begin();
    if (await ready(certificate)) return true;
    // It is not tried again until a client asks, and for a while not then.
    const failed = held.find(wanted);
    if (failed !== undefined) held.drop(failed);
    const failures = await storage.failures(wanted.id).catch(() => null);
    if (failures !== null) onDemand.remember(name, retryTime(failures, random()));
    return false;
  }

  private async mayOrder({ onDemand, storage }: AcmeSite, wanted: WantedCertificate, name: string): Promise<boolean> {
    const { clock, random } = this.options;
    const failures = await storage.failures(wanted.id).catch(() => null);
    if (failures !== null && retryTime(failures, random()) > clock.now()) return false;
    if (onDemand === null || (await onDemand.admits(name)) !== "yes") return false;
    return onDemand.mayOrder(name, this.count());
  }

  /** Counts on-demand names, after it has dropped those that were not admitted any more, and so have expired. */
  private count(): number {
    const { held } = this.options;
    for (const each of held.all) if (isForgotten(each)) held.drop(each);
    return held.all.filter(({ onDemandName }) => onDemandName !== "").length;
  }
}

/** Whether a certificate for a name of clients has ended without having been renewed. */
function isForgotten({ onDemandName, certificate }: HeldCertificate): boolean {
  return onDemandName !== "" && certificate.hasExpired;
}

async function ready(certificate: ManagedCertificate): Promise<boolean> {
  if (certificate.served === null) await certificate.settled;
  return certificate.served !== null;
}
