/**
 * One certificate, from now on: taken from the storage or ordered, served, and renewed in time.
 *
 * ```text
 *   storage --is there--> waiting --its time has come--> locked --> ordered --> waiting
 *      `--is not---------------------------------------^   |          `--failed--> waiting
 *                                                          `--another process was quicker--> waiting
 * ```
 */
import { messageOf } from "../../base/errors.ts";
import { AcmeFault, AcmeProblem } from "../../acme/acme-error.ts";
import type { ChallengeResponder } from "../../acme/challenge.ts";
import { obtainCertificate } from "../../acme/order.ts";
import { renewalInfo } from "../../acme/renewal-info.ts";
import { servedPair } from "../../certificates/served-pair.ts";
import type { AcmeCertificateReading } from "../../observe/acme-reading.ts";
import type { AppLog } from "../../observe/app-log.ts";
import { renewalTime } from "../../policy/renewal/renewal-time.ts";
import type { SuggestedWindow, Term } from "../../policy/renewal/renewal-time.ts";
import { NO_FAILURES, failedAgain, retryTime } from "../../policy/renewal/retry-time.ts";
import type { Failures } from "../../policy/renewal/retry-time.ts";
import type { ServedCertificate } from "../../shared/listener-tls.ts";
import type { AcmeAuthority } from "./acme-authority.ts";
import type { WantedCertificate } from "./certificate-order.ts";
import type { Gate } from "./gate.ts";
import type { AcmeStorage } from "./storage.ts";
import { takeLock } from "./storage-lock.ts";
import type { HeldLock, LockClock } from "./storage-lock.ts";

/** The longest wait at a stretch. Clocks are set, and machines sleep. */
const WAIT_MS_MAX = 3600_000;
/** When the authority is asked again for renewal information after it could not be had. */
const ASK_AGAIN_MS = 3600_000;
/** When it is asked again whether an on-demand name may be renewed. */
const ADMITTED_AGAIN_MS = 6 * 3600_000;
const DAY_MS = 86_400_000;

export interface ManagedOptions {
  readonly wanted: WantedCertificate;
  readonly authority: AcmeAuthority;
  readonly storage: AcmeStorage;
  readonly answers: ChallengeResponder;
  readonly clock: LockClock;
  /** At least 0 and below 1. */
  readonly random: () => number;
  readonly log: Pick<AppLog, "debug" | "info" | "warn" | "error">;
  /** Lets a few orders run at once. */
  readonly gate: Gate;
  /** Called when there is another certificate to serve. */
  readonly changed: () => void;
  /** Called after each order. */
  readonly ordered: (outcome: "obtained" | "failed") => void;
  /** Whether the certificate may be renewed; null: always. */
  readonly admits: (() => Promise<"yes" | "no" | "unknown">) | null;
}

interface Material {
  readonly served: ServedCertificate;
  readonly term: Term;
  /** The certificate itself, as PEM text. */
  readonly leaf: string;
}

/** What the admin address shows of it. */
export type CertificateState = Omit<AcmeCertificateReading, "onDemand">;

export class ManagedCertificate {
  private readonly options: ManagedOptions;
  private readonly abort: AbortController = new AbortController();
  private material: Material | null = null;
  private failures: Failures = NO_FAILURES;
  /** Whether the failures are those of an earlier run of the process. */
  private hasJustStarted: boolean = true;
  private window: SuggestedWindow | null = null;
  private renewMs: number = 0;
  /**
   * Not renewed before this time, whatever the authority says, epoch milliseconds. An authority that wants every new certificate to be renewed at once would
   * be asked without end, and so would one whose certificates have hardly any time left.
   */
  private calmUntilMs: number = 0;
  private askMs: number = 0;
  private problem: string | null = null;
  private nextMs: number | null = null;
  private readonly first: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  private readonly begun: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  private readonly looked: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  private running: Promise<void> = Promise.resolve();

  constructor(options: ManagedOptions) {
    this.options = options;
  }

  get served(): ServedCertificate | null {
    return this.material !== null && this.material.term.untilMs > this.options.clock.now() ? this.material.served : null;
  }

  /** Whether it had a certificate, which was not renewed. */
  get hasExpired(): boolean {
    return this.material !== null && this.served === null;
  }

  get state(): CertificateState {
    const { names } = this.options.wanted;
    return { names, untilMs: this.material?.term.untilMs ?? null, nextMs: this.nextMs, problem: this.problem };
  }

  /** Resolves when it is known whether the storage has a certificate. */
  get adopted(): Promise<void> {
    return this.looked.promise;
  }

  /** Resolves when there is a certificate, or the first try has failed. */
  get settled(): Promise<void> {
    return this.first.promise;
  }

  /** Looks into the storage, and waits for `begin`. */
  start(): void {
    this.running = this.run().catch((error: unknown) => {
      this.options.log.error("certificate_order_failed", `${this.label} is not looked after any more: ${messageOf(error)}`);
    });
  }

  /** From now on it is ordered, and renewed in time. */
  begin(): void {
    this.begun.resolve();
  }

  /** Resolves when nothing of it is left: no lock, no answer to a challenge. */
  async stop(): Promise<void> {
    this.abort.abort();
    this.begun.resolve();
    await this.running;
    this.first.resolve();
  }

  private get label(): string {
    const [first = "", ...more] = this.options.wanted.names;
    return more.length === 0 ? first : `${first} and ${more.length} more`;
  }

  private async run(): Promise<void> {
    const { clock, storage, wanted, random } = this.options;
    const { signal } = this.abort;
    await storage
      .open()
      .then(() => this.adopt())
      .catch((error: unknown) => this.storageFailed(error));
    this.looked.resolve();
    this.failures = (await storage.failures(wanted.id).catch(() => null)) ?? NO_FAILURES;
    await this.begun.promise;
    while (!signal.aborted) {
      await this.askForWindow();
      const againMs = retryTime(this.failures, random(), this.hasJustStarted);
      const dueMs = this.material === null ? againMs : Math.max(this.renewMs, this.calmUntilMs, againMs);
      const now = clock.now();
      this.nextMs = Math.max(dueMs, now);
      if (dueMs > now) {
        // What failed in an earlier run of the process counts as a failure for whoever waits.
        if (this.material === null) {
          this.sayEarlierFailure(dueMs);
          this.first.resolve();
        }
        const wakeMs = this.material === null ? dueMs : Math.min(dueMs, this.askMs);
        await clock.wait(Math.min(Math.max(wakeMs - now, 1000), WAIT_MS_MAX), signal);
        // Another process may have renewed it meanwhile. What cannot be read now can be later.
        if (!signal.aborted) await this.adopt().catch(() => false);
        continue;
      }
      await this.orderInTurn();
      this.first.resolve();
      this.hasJustStarted = false;
    }
  }

  /** Takes the certificate from the storage, if there is one that is newer than this. Returns whether there was. */
  private async adopt(): Promise<boolean> {
    const { storage, wanted, clock } = this.options;
    const text = await storage.certificate(wanted.id);
    if (text === null) return false;
    const material = materialOf(text);
    if (material === null || !isUsable(text, wanted.names, clock.now())) return false;
    if (this.material !== null && material.term.untilMs <= this.material.term.untilMs) return false;
    this.use(material);
    return true;
  }

  private use(material: Material): void {
    this.material = material;
    this.window = null;
    this.askMs = 0;
    this.renewMs = renewalTime(material.term, null, this.options.random());
    this.failures = NO_FAILURES;
    this.problem = null;
    this.first.resolve();
    this.options.changed();
  }

  /** Asks the authority when it wants this certificate to be renewed, when it is time to ask. */
  private async askForWindow(): Promise<void> {
    const { material } = this;
    const { clock, authority, random, log } = this.options;
    if (material === null || clock.now() < this.askMs) return;
    try {
      const info = await renewalInfo(authority.client.until(this.abort.signal), await identifierOf(material));
      this.askMs = clock.now() + (info?.askAgainMs ?? DAY_MS);
      if (info === null || (this.window?.startMs === info.window.startMs && this.window.endMs === info.window.endMs)) return;
      this.window = info.window;
      this.renewMs = renewalTime(material.term, info.window, random());
      if (info.window.endMs < clock.now()) {
        const why = info.explanation === "" ? "" : ` (${info.explanation})`;
        log.warn(
          "certificate_renewal_hurried",
          `the authority wants the certificate of ${this.label} to be renewed at once${why}; it may be revoked`,
          {
            name: this.label,
          },
        );
      }
    } catch (error) {
      this.askMs = clock.now() + ASK_AGAIN_MS;
      if (!this.abort.signal.aborted) log.debug("acme_renewal_info_failed", messageOf(error), { name: this.label });
    }
  }

  private async orderInTurn(): Promise<void> {
    const { clock, gate, admits } = this.options;
    if (this.material !== null && admits !== null && (await admits()) !== "yes") {
      this.renewMs = clock.now() + ADMITTED_AGAIN_MS;
      return;
    }
    await gate.within(this.abort.signal, () => this.lockAndOrder());
  }

  /** Orders under the locks of all its names, so that no other process orders for one of them at the same time. */
  private async lockAndOrder(): Promise<void> {
    const { storage, wanted, clock, random } = this.options;
    const { signal } = this.abort;
    const held: HeldLock[] = [];
    try {
      await storage.open();
      // In one order everywhere, so that no two wait for each other.
      for (const name of wanted.names.toSorted()) {
        const file = storage.at("locks", `${name.replace("*", "_")}.lock`);
        const lock = await takeLock(file, clock, signal, () => this.adopt());
        if (lock === null) return;
        held.push(lock);
      }
      if (await this.adopt()) return;
      // Another process may have failed while this one waited.
      const failures = await storage.failures(wanted.id);
      if (failures !== null && failures.count > this.failures.count && retryTime(failures, random()) > clock.now()) {
        this.failures = failures;
        return;
      }
      await this.order(AbortSignal.any([signal, ...held.map(({ lost }) => lost)]));
    } catch (error) {
      if (!signal.aborted) await this.failed(error);
    } finally {
      for (const lock of held) await lock.release().catch((error: unknown) => this.storageFailed(error));
    }
  }

  private async order(signal: AbortSignal): Promise<void> {
    const { authority, wanted, storage, answers, log, clock } = this.options;
    const { key, profile = null, challenge } = wanted.acme;
    const { material } = this;
    const client = authority.client.until(signal);
    const settings = { names: wanted.names, challenge, key, profile, replaces: material === null ? null : await identifierOf(material) };
    const obtained = await authority.as((signer) => obtainCertificate(client, signer, settings, answers));
    const fresh = materialOf(`${obtained.key}${obtained.chain}`);
    if (fresh === null) throw new AcmeFault("the authority's certificate cannot be served");
    // In this order: a certificate that cannot be stored is served nevertheless.
    this.use(fresh);
    this.calmUntilMs = clock.now() + Math.min(DAY_MS, (fresh.term.untilMs - clock.now()) / 10);
    await storage.writeCertificate(wanted.id, obtained).catch((error: unknown) => this.storageFailed(error));
    await storage.writeFailures(wanted.id, null).catch(() => undefined);
    const days = Math.round((fresh.term.untilMs - clock.now()) / DAY_MS);
    const verb = material === null ? "obtained" : "renewed";
    log.info(
      "certificate_obtained",
      `the certificate of ${this.label} was ${verb}; it is valid for ${days} ${days === 1 ? "day" : "days"}`,
      {
        name: this.label,
        until: new Date(fresh.term.untilMs).toISOString(),
      },
    );
    this.options.ordered("obtained");
  }

  private async failed(error: unknown): Promise<void> {
    const { clock, random, log, storage, wanted } = this.options;
    const retryAfterMs = error instanceof AcmeProblem || error instanceof AcmeFault ? error.retryAfterMs : null;
    this.failures = failedAgain(this.failures, clock.now(), retryAfterMs);
    this.problem = messageOf(error);
    await storage.writeFailures(wanted.id, this.failures).catch((trouble: unknown) => this.storageFailed(trouble));
    const again = new Date(retryTime(this.failures, random())).toISOString();
    const left = this.material === null ? null : this.material.term.untilMs - clock.now();
    const have =
      left === null
        ? "there is none yet"
        : left <= 0
          ? "the old one has expired"
          : `the old one is valid for ${Math.floor(left / DAY_MS)} more days`;
    // An old certificate that lasts for weeks leaves time; then it is no error yet.
    const level = left === null || left < 7 * DAY_MS ? "error" : "warn";
    log[level]("certificate_order_failed", `no certificate for ${this.label}: ${this.problem}; ${have}, and it is tried again`, {
      name: this.label,
      failures: this.failures.count,
      again,
    });
    this.options.ordered("failed");
  }

  /** Orders that failed before this start are why it waits: without a line somebody who has mended the cause would look for another one. */
  private sayEarlierFailure(againMs: number): void {
    const { failures, label } = this;
    if (!this.hasJustStarted || this.problem !== null || failures.count === 0) return;
    const { log, storage, wanted } = this.options;
    this.problem = `its last order failed before this start, at ${new Date(failures.lastMs).toISOString()}`;
    const file = `${storage.folder}/certificates/${wanted.id}.failed`;
    const message = `no certificate for ${label}: ${this.problem}, and it is tried again; at once if ${file} is removed and the proxy started again`;
    log.warn("certificate_order_failed", message, { name: label, failures: failures.count, again: new Date(againMs).toISOString() });
  }

  private storageFailed(error: unknown): void {
    const { log, storage } = this.options;
    log.error("acme_storage_failed", `the storage cannot be used: ${messageOf(error)}`, { folder: storage.folder });
  }
}

/** Whether a text of the storage holds a certificate for these names that can be served now. */
export function isUsable(text: string, names: readonly string[], now: number): boolean {
  const material = materialOf(text);
  return material !== null && material.term.untilMs > now && names.every((name) => material.served.names.includes(name));
}

/** @param text key and chain; null: no certificate that can be served is in it */
function materialOf(text: string): Material | null {
  const pair = servedPair(text, text, undefined);
  if ("in" in pair) return null;
  const [leaf] = pair.certificates;
  if (leaf === undefined) return null;
  const { names, chain, key, keyKind } = pair;
  return {
    served: { names, chain, key, keyKind, ocsp: null, clients: null, isChallenge: false },
    term: { fromMs: leaf.validFromDate.getTime(), untilMs: leaf.validToDate.getTime() },
    leaf: leaf.toString(),
  };
}

/** What a certificate is called in renewal information; null: it has no such name. */
async function identifierOf({ leaf }: Material): Promise<string | null> {
  const { renewalIdentifier } = await import("../../acme/x509.ts");
  return renewalIdentifier(leaf);
}
