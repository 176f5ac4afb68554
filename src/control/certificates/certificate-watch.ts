/**
 * The certificates that are in use now, of listeners, of upstreams and of the admin address, for /status and /metrics; warns in time before one expires. Counts
 * how often files of TLS have changed.
 */
import { X509Certificate } from "node:crypto";
import { dayOf, inDays } from "../../certificates/pair-findings.ts";
import type { AppLog } from "../../observe/app-log.ts";
import { CERTIFICATE_USES } from "../../observe/certificate-reading.ts";
import type { CertificateFileCounts, CertificateReading, CertificateUse } from "../../observe/certificate-reading.ts";

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
  /** Called once a minute while there are certificates. */
  readonly looked: () => void;
}

/** A certificate that is in use. */
export interface UsedCertificate extends Pick<CertificateReading, "of" | "names" | "key"> {
  /** PEM text of the certificate and of those after it. */
  readonly chain: string;
  /** Whether the proxy itself renews it. */
  readonly isRenewed: boolean;
}

/** What is known of a certificate. */
interface Known {
  /** Of its first user. */
  readonly reading: CertificateReading;
  /** The most time before its end at which it may be warned of. */
  readonly warnFromMs: number;
  /** How many of the warnings were given. */
  warned: number;
}

/** The certificates of one kind of user: all, and each that differs by its PEM text. */
interface Users {
  readonly readings: readonly CertificateReading[];
  readonly known: ReadonlyMap<string, Known>;
}

const NOBODY: Users = { readings: [], known: new Map() };

export class CertificateWatch {
  private readonly options: CertificateWatchOptions;
  private readonly users: Map<CertificateUse, Users> = new Map();
  private readonly counted: { read: number; refused: number } = { read: 0, refused: 0 };
  private cancelLook: (() => void) | null = null;
  private isStopped: boolean = false;

  constructor(options: CertificateWatchOptions) {
    this.options = options;
  }

  /** What is used in that way from now on. */
  use(use: CertificateUse, certificates: readonly UsedCertificate[]): void {
    const before = (this.users.get(use) ?? NOBODY).known;
    const known = new Map<string, Known>();
    const readings: CertificateReading[] = [];
    for (const certificate of certificates) {
      const { of, names, key, chain } = certificate;
      const found = known.get(chain) ?? before.get(chain) ?? this.read(use, certificate);
      const { notAfterMs, readAtMs } = found.reading;
      const reading = { use, of, names, key, notAfterMs, readAtMs };
      // The warnings that were given count on.
      if (!known.has(chain)) known.set(chain, { ...found, reading });
      readings.push(reading);
    }
    this.users.set(use, { readings, known });
    this.warn();
    this.plan();
  }

  /** Those of listeners first, then those of upstreams, then that of the admin address. */
  readings(): readonly CertificateReading[] {
    return CERTIFICATE_USES.flatMap((use) => this.users.get(use)?.readings ?? []);
  }

  /** How often files of TLS have changed since the start. */
  get counts(): CertificateFileCounts {
    return this.counted;
  }

  fileRead(): void {
    this.counted.read++;
  }

  fileRefused(): void {
    this.counted.refused++;
  }

  stop(): void {
    this.isStopped = true;
    this.users.clear();
    this.cancelLook?.();
    this.cancelLook = null;
  }

  private read(use: CertificateUse, { of, names, key, chain, isRenewed }: UsedCertificate): Known {
    const { validFromDate, validToDate } = new X509Certificate(chain);
    const notAfterMs = validToDate.getTime();
    const warnFromMs = isRenewed ? (notAfterMs - validFromDate.getTime()) * RENEWED_SHARE : Infinity;
    return { reading: { use, of, names, key, notAfterMs, readAtMs: this.options.epochMs() }, warnFromMs, warned: 0 };
  }

  private all(): readonly Known[] {
    return [...this.users.values()].flatMap(({ known }) => [...known.values()]);
  }

  private plan(): void {
    if (this.cancelLook !== null || this.isStopped || this.all().length === 0) return;
    this.cancelLook = this.options.after(LOOK_MS, () => {
      this.cancelLook = null;
      this.warn();
      this.options.looked();
      this.plan();
    });
  }

  private warn(): void {
    const now = this.options.epochMs();
    for (const known of this.all()) {
      const left = known.reading.notAfterMs - now;
      const due = WARN_BEFORE_MS.filter((before) => left <= Math.min(before, known.warnFromMs)).length;
      if (due <= known.warned) continue;
      known.warned = due;
      this.say(known.reading, left);
    }
  }

  private say({ use, of, names, notAfterMs }: CertificateReading, left: number): void {
    const { log } = this.options;
    const { what, who } = WORDS[use](of, shownNames(names));
    const fields = { [use]: of, expires: new Date(notAfterMs).toISOString(), days: Math.max(0, Math.floor(left / DAY_MS)) };
    if (left <= 0) log.error("certificate_expired", `${what} has expired on ${dayOf(notAfterMs)}: ${who} refuse it`, fields);
    else log.warn("certificate_expires", `${what} expires on ${dayOf(notAfterMs)}, in ${inDays(left)}`, fields);
  }
}

/** What a certificate is called, and who refuses it once it has expired. */
const WORDS: Readonly<Record<CertificateUse, (of: string, names: string) => { readonly what: string; readonly who: string }>> = {
  listener: (of, names) => ({ what: `the certificate for ${names} on ${of}`, who: "clients" }),
  upstream: (of) => ({ what: `the certificate that endpoints of upstream ${of} are shown`, who: "endpoints" }),
  admin: (of, names) => ({ what: `the certificate for ${names} on the admin address ${of}`, who: "clients" }),
};

/** The first names, and how many more there are. */
export function shownNames(names: readonly string[]): string {
  const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : "";
  return names.length === 0 ? "no name" : `${names.slice(0, NAMES_SHOWN).join(", ")}${more}`;
}
