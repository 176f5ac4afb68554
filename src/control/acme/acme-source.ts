/** Certificates over ACME as one of the sources of what listeners serve. The code for it is loaded when a listener first wants it. */
import type { AcmeReading } from "../../observe/acme-reading.ts";
import type { AppLog } from "../../observe/app-log.ts";
import type { ChallengeAnswers } from "../../shared/protocol.ts";
import { afterMs } from "../after-ms.ts";
import type { CertificateSource, SourcedCertificate, TlsListener, TlsListeners } from "../certificates/certificate-source.ts";
import type { FollowedMaterialOptions } from "../certificates/followed-material.ts";
import type { AcmeCertificates, AcmeListeners } from "./acme-certificates.ts";
import type { LockClock } from "./storage-lock.ts";
import { waitMs } from "./wait-ms.ts";

export interface AcmeSourceOptions {
  readonly log: AppLog;
  readonly version: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Counts what changes of files. */
  readonly watch: FollowedMaterialOptions["watch"];
  /** Called when other certificates are served than before. */
  readonly changed: () => void;
  /** Tells all threads what http-01 challenges are answered with; null: they will not be asked. */
  readonly tellChallenges: (answers: ChallengeAnswers | null) => void;
}

export class AcmeSource implements CertificateSource {
  private readonly options: AcmeSourceOptions;
  /** Null until a listener wants certificates. */
  private certificates: AcmeCertificates | null = null;
  private isOpen: boolean = false;

  constructor(options: AcmeSourceOptions) {
    this.options = options;
  }

  async prepare(listeners: TlsListeners): Promise<readonly string[]> {
    const wanted = acmeOf(listeners);
    if (wanted.size === 0) return [];
    this.certificates ??= await this.load();
    return this.certificates.prepare(wanted);
  }

  keep(listeners: TlsListeners): void {
    this.certificates?.keep(acmeOf(listeners));
  }

  of(slot: number): readonly SourcedCertificate[] {
    return this.certificates?.servedBy(slot) ?? [];
  }

  isOnDemand({ tls }: TlsListener): boolean {
    return tls.acme?.on_demand !== undefined;
  }

  async wanted({ tls: { acme } }: TlsListener, name: string): Promise<boolean> {
    return this.certificates !== null && acme !== undefined && this.certificates.wanted(acme, name);
  }

  /** The listeners accept connections: the authority can look at them. */
  listening(): void {
    this.isOpen = true;
    this.certificates?.open();
  }

  get challengeTexts(): ChallengeAnswers | null {
    return this.certificates?.challengeTexts ?? null;
  }

  /** Null: no listener has wanted certificates. */
  get reading(): AcmeReading | null {
    const { certificates } = this;
    return certificates === null ? null : { certificates: certificates.states, orders: certificates.counts };
  }

  /** Resolves when nothing is left of the orders that were under way. */
  async stop(): Promise<void> {
    await this.certificates?.stop();
  }

  private async load(): Promise<AcmeCertificates> {
    const [{ AcmeCertificates: Certificates }, { boundedRequests }] = await Promise.all([
      import("./acme-certificates.ts"),
      import("../outside/bounded-requests.ts"),
    ]);
    const { now, ...options } = this.options;
    const clock: LockClock = { now, after: afterMs, wait: waitMs };
    const made = new Certificates({ ...options, clock, random: Math.random, requests: boundedRequests });
    if (this.isOpen) made.open();
    return made;
  }
}

function acmeOf(listeners: TlsListeners): AcmeListeners {
  return new Map([...listeners].flatMap(([slot, { tls }]) => (tls.acme === undefined ? [] : [[slot, tls.acme] as const])));
}
