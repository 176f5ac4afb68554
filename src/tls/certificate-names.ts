/** Finds the certificates that serve a name, among those of a listener. */
import { sameRule } from "../shared/listener-tls.ts";
import type { ClientCertificateRule, ServedCertificate } from "../shared/listener-tls.ts";

/** Certificates that serve together: of the same name and client-certificate rule, one for each kind of key. */
export interface CertificateSet {
  readonly certificates: readonly ServedCertificate[];
  readonly clients: ClientCertificateRule | null;
}

/** The protocol of ACME's challenge (RFC 8737 section 4). */
export const ACME_PROTOCOL = "acme-tls/1";

/** The longest name (RFC 1035 section 2.3.4). */
const NAME_MAX = 255;

export class CertificateNames {
  /** Serves clients that name nothing; null: there is no certificate yet. */
  readonly first: CertificateSet | null;
  private readonly exact: ReadonlyMap<string, CertificateSet>;
  /** By the name after `*.` */
  private readonly wildcards: ReadonlyMap<string, CertificateSet>;
  private readonly challenges: ReadonlyMap<string, CertificateSet>;

  constructor(certificates: readonly ServedCertificate[]) {
    const sets = new Sets();
    const served = certificates.filter(({ isChallenge }) => !isChallenge);
    const byName = groupedByName(served);
    const names = [...byName].map(([name, owners]) => [name, sets.of(owners)] as const);
    this.exact = new Map(names.filter(([name]) => !name.startsWith("*.")));
    this.wildcards = new Map(names.filter(([name]) => name.startsWith("*.")).map(([name, set]) => [name.slice(2), set]));
    this.challenges = new Map(
      [...groupedByName(certificates.filter(({ isChallenge }) => isChallenge))].map(([name, owners]) => [name, sets.of(owners)]),
    );
    const [first] = served;
    const [firstName] = first?.names ?? [];
    // With its sisters of other key kinds, where it has a name.
    this.first = first === undefined ? null : ((firstName === undefined ? undefined : this.find(firstName)) ?? sets.of([first]));
  }

  /** The certificates for a name in lower case: an exact one comes before a wildcard, which stands for one label. Null: there is none. */
  find(name: string): CertificateSet | null {
    const exact = this.exact.get(name);
    if (exact !== undefined) return exact;
    const dot = name.indexOf(".");
    return (dot > 0 ? this.wildcards.get(name.slice(dot + 1)) : undefined) ?? null;
  }

  /** The certificates of the nearest wildcard that `name` is more than one label below: they are not for it. Null: there is none. */
  findAbove(name: string): CertificateSet | null {
    // A host of a request may be far longer than any name of a certificate.
    for (let dot = name.indexOf(".", name.length - NAME_MAX); dot >= 0; dot = name.indexOf(".", dot + 1)) {
      const found = this.wildcards.get(name.slice(dot + 1));
      if (found !== undefined) return found;
    }
    return null;
  }

  /** The certificate that answers an ACME challenge for that name; null: none is under way. */
  findChallenge(name: string): CertificateSet | null {
    return this.challenges.get(name) ?? null;
  }
}

/** One object for the same certificates, whatever the name. */
class Sets {
  private readonly known: Map<string, CertificateSet> = new Map();
  private readonly numbers: Map<ServedCertificate, number> = new Map();

  of(owners: readonly ServedCertificate[]): CertificateSet {
    const [first] = owners;
    const clients = first?.clients ?? null;
    const kinds = new Set<string>();
    const certificates = owners.filter((owner) => {
      if (!sameRule(owner.clients, clients) || kinds.has(owner.keyKind)) return false;
      kinds.add(owner.keyKind);
      return true;
    });
    const key = certificates.map((certificate) => this.numberOf(certificate)).join();
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const made = { certificates, clients };
    this.known.set(key, made);
    return made;
  }

  private numberOf(certificate: ServedCertificate): number {
    const number = this.numbers.get(certificate) ?? this.numbers.size;
    this.numbers.set(certificate, number);
    return number;
  }
}

function groupedByName(certificates: readonly ServedCertificate[]): ReadonlyMap<string, readonly ServedCertificate[]> {
  const groups = new Map<string, ServedCertificate[]>();
  for (const certificate of certificates) {
    for (const name of certificate.names) {
      const group = groups.get(name);
      if (group === undefined) groups.set(name, [certificate]);
      else group.push(certificate);
    }
  }
  return groups;
}
