/**
 * How threads get the certificates of listeners. One of thousands is renewed, or one more is made for a client, and all threads need it at once: so each
 * certificate is sent once, and named by its number from then on.
 */
import { sameRule } from "./listener-tls.ts";
import type { ListenerTls, ServedCertificate, TlsOfListeners } from "./listener-tls.ts";

/** What a thread is sent. It forgets certificates that are named no more. */
export interface CertificateNews {
  readonly listeners: readonly (readonly [slot: number, tls: NumberedTls])[];
  /** Those that the thread does not have. */
  readonly certificates: readonly (readonly [number: number, certificate: ServedCertificate])[];
}

interface NumberedTls extends Omit<ListenerTls, "certificates"> {
  /** The numbers of the certificates, in order. */
  readonly certificates: readonly number[];
}

/** The side of the control plane. */
export class CertificateSender {
  private last: CertificateNews = { listeners: [], certificates: [] };
  /** What threads have, by the PEM text of the chain. */
  private known: ReadonlyMap<string, readonly Numbered[]> = new Map();
  private count: number = 0;

  /** What threads are sent that were sent all before. */
  news(listeners: TlsOfListeners): CertificateNews {
    const named = new Map<string, Numbered[]>();
    const fresh: Numbered[] = [];
    const numberOf = (certificate: ServedCertificate): number => {
      const { chain } = certificate;
      const alike = named.get(chain) ?? [];
      let numbered = find(alike, certificate);
      if (numbered !== undefined) return numbered[0];
      numbered = find(this.known.get(chain) ?? [], certificate);
      if (numbered === undefined) {
        numbered = [this.count++, certificate];
        fresh.push(numbered);
      }
      alike.push(numbered);
      named.set(chain, alike);
      return numbered[0];
    };
    const all = listeners.map(([slot, tls]) => [slot, { ...tls, certificates: tls.certificates.map(numberOf) }] as const);
    this.known = named;
    this.last = { listeners: all, certificates: fresh };
    return this.last;
  }

  /** What a thread is sent that begins now. Null: there is nothing to know. */
  all(): CertificateNews | null {
    if (this.last.listeners.length === 0) return null;
    return { listeners: this.last.listeners, certificates: [...this.known.values()].flat() };
  }
}

type Numbered = readonly [number: number, certificate: ServedCertificate];

function find(alike: readonly Numbered[], certificate: ServedCertificate): Numbered | undefined {
  return alike.find(([, one]) => isSame(one, certificate));
}

/** Whether two certificates of the same chain are the same in all else. */
function isSame(one: ServedCertificate, other: ServedCertificate): boolean {
  return (
    one.key === other.key &&
    one.keyKind === other.keyKind &&
    one.isChallenge === other.isChallenge &&
    one.ocsp === other.ocsp &&
    sameRule(one.clients, other.clients) &&
    one.names.length === other.names.length &&
    one.names.every((name, index) => name === other.names[index])
  );
}

/** The side of a thread. */
export class CertificateReceiver {
  private known: ReadonlyMap<number, ServedCertificate> = new Map();

  /** Throws if a certificate is named that nobody has sent. */
  take({ listeners, certificates }: CertificateNews): TlsOfListeners {
    const told = new Map(certificates);
    const named = new Map<number, ServedCertificate>();
    const certificateOf = (number: number): ServedCertificate => {
      const certificate = told.get(number) ?? this.known.get(number);
      if (certificate === undefined) throw new RangeError(`certificate ${number} of a listener was not sent`);
      named.set(number, certificate);
      return certificate;
    };
    const all = listeners.map(([slot, tls]) => [slot, { ...tls, certificates: tls.certificates.map(certificateOf) }] as const);
    this.known = named;
    return all;
  }
}
