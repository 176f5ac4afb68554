/** The certificates that listeners serve now, for /status and /metrics; warns in time before one expires. */
import { X509Certificate } from "node:crypto";
import { dayOf, inDays } from "../../certificates/pair-findings.ts";
import type { AppLog } from "../../observe/app-log.ts";
import type { CertificateReading } from "../../observe/certificate-reading.ts";
import type { ListenerTls, ServedCertificate } from "../../shared/listener-tls.ts";

const DAY_MS = 86_400_000;
/** Times before the end of a certificate at which the log warns, each once: time to renew it by hand, then more urgently. The last one: it has expired. */
const WARN_BEFORE_MS: readonly number[] = [14, 7, 3, 1, 0].map((days) => days * DAY_MS);
/** Of the life of a certificate that the proxy renews by itself: what is left when there is reason to worry. */
const RENEWED_SHARE = 0.1;
const LOOK_MS = 60_000;
/** Names of one certificate in a line of the log. */
const NAMES_SHOWN = 3;

export interface CertificateWatchOptions {
  readonly log: Pick<AppLog, "warn" | "error">;
  /** Epoch milliseconds. */
  readonly epochMs: () => number;
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
  /** Called once a minute. */
  readonly looked: () => void;
}

/** What is known of a certificate, by its PEM text. */
interface Known {
  /** As its first listener serves it. */
  readonly reading: CertificateReading;
  /** The most time before its end at which it may be warned of. */
  readonly warnFromMs: number;
  /** How many of the warnings were given. */
  warned: number;
}

export class CertificateWatch {
  private readonly options: CertificateWatchOptions;
  private known: ReadonlyMap<string, Known> = new Map();
  private served: readonly CertificateReading[] = [];
  private cancelLook: (() => void) | null = null;

  constructor(options: CertificateWatchOptions) {
    this.options = options;
  }

  /**
   * @param listeners what each listener serves from now on, with its address
   * @param renewed whether the proxy itself renews the certificate with this PEM text
   */
  use(listeners: readonly (readonly [address: string, tls: ListenerTls])[], renewed: (chain: string) => boolean): void {
    const known = new Map<string, Known>();
    const served: CertificateReading[] = [];
    for (const [listener, { certificates }] of listeners) {
      for (const certificate of certificates) {
        if (certificate.isChallenge) continue;
        const { chain, names, keyKind: key } = certificate;
        const before = known.get(chain) ?? this.known.get(chain) ?? this.read(listener, certificate, renewed(chain));
        const { notAfterMs, readAtMs } = before.reading;
        const reading = { listener, names, key, notAfterMs, readAtMs };
        // The warnings that were given count on.
        if (!known.has(chain)) known.set(chain, { ...before, reading });
        served.push(reading);
      }
    }
    this.known = known;
    this.served = served;
    this.warn();
    this.plan();
  }

  readings(): readonly CertificateReading[] {
    return this.served;
  }

  stop(): void {
    this.cancelLook?.();
    this.cancelLook = null;
  }

  private read(listener: string, { chain, names, keyKind: key }: ServedCertificate, isRenewed: boolean): Known {
    const { validFromDate, validToDate } = new X509Certificate(chain);
    const notAfterMs = validToDate.getTime();
    const warnFromMs = isRenewed ? (notAfterMs - validFromDate.getTime()) * RENEWED_SHARE : Infinity;
    return { reading: { listener, names, key, notAfterMs, readAtMs: this.options.epochMs() }, warnFromMs, warned: 0 };
  }

  private plan(): void {
    if (this.cancelLook !== null || this.known.size === 0) return;
    this.cancelLook = this.options.after(LOOK_MS, () => {
      this.cancelLook = null;
      this.warn();
      this.options.looked();
      this.plan();
    });
  }

  private warn(): void {
    const now = this.options.epochMs();
    for (const known of this.known.values()) {
      const left = known.reading.notAfterMs - now;
      const due = WARN_BEFORE_MS.filter((before) => left <= Math.min(before, known.warnFromMs)).length;
      if (due <= known.warned) continue;
      known.warned = due;
      this.say(known.reading, left);
    }
  }

  private say({ listener, names, notAfterMs }: CertificateReading, left: number): void {
    const { log } = this.options;
    const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : "";
    const what = `the certificate for ${names.length === 0 ? "no name" : names.slice(0, NAMES_SHOWN).join(", ")}${more}`;
    const fields = { listener, expires: new Date(notAfterMs).toISOString(), days: Math.max(0, Math.floor(left / DAY_MS)) };
    if (left <= 0)
      log.error("certificate_expired", `${what} on ${listener} has expired on ${dayOf(notAfterMs)}: clients refuse it`, fields);
    else log.warn("certificate_expires", `${what} on ${listener} expires on ${dayOf(notAfterMs)}, in ${inDays(left)}`, fields);
  }
}
