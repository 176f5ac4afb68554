/** The TLS settings of one listener in one thread, ready for handshakes: which certificates serve a name, and OpenSSL's context of each set of them. */
import { Buffer } from "node:buffer";
import { constants, createHash, randomFillSync } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { SecureContext } from "node:tls";
import { sameRule } from "../../shared/listener-tls.ts";
import type { ClientCertificateRule, ListenerTls } from "../../shared/listener-tls.ts";
import { CertificateNames } from "../../tls/certificate-names.ts";
import type { CertificateSet } from "../../tls/certificate-names.ts";
import { useTicketKeys } from "./session-tickets.ts";

/** What serves one name. */
export interface Served {
  readonly set: CertificateSet;
  readonly context: SecureContext;
  readonly ocsp: Uint8Array | null;
}

/** So many contexts may be kept beyond twice the number of certificates. */
const KEPT_BEYOND = 16;

export class ServerContexts {
  readonly settings: ListenerTls;
  private readonly names: CertificateNames;
  /** The listener's address, to which tickets are bound. */
  private readonly address: string;
  private readonly made: Map<CertificateSet, Served> = new Map();
  /** OpenSSL's contexts by all that they are made of: making one takes half a millisecond, and most changes concern one certificate of many. */
  private readonly contexts: ReadonlyMap<string, SecureContext>;
  private readonly used: Map<string, SecureContext> = new Map();

  /** @param before the settings that these replace, of whose contexts those that are equal are used again */
  constructor(settings: ListenerTls, address: string, before: ServerContexts | null = null) {
    this.settings = settings;
    this.address = address;
    this.names = new CertificateNames(settings.certificates);
    this.contexts = before === null ? new Map() : before.kept(settings.certificates.length);
  }

  /** The contexts that settings after these may use again: those not used since the last changes too, as long as there are not many more than certificates. */
  private kept(certificates: number): ReadonlyMap<string, SecureContext> {
    const all = new Map([...this.contexts, ...this.used]);
    return all.size <= 2 * certificates + KEPT_BEYOND ? all : this.used;
  }

  /**
   * What serves a client that names `name`; null for `name`: it names none. Null: no certificate does, so that the listener refuses the client or asks for
   * a certificate. Throws if OpenSSL does not take the certificate.
   */
  forName(name: string | null): Served | null {
    const set = this.setFor(name);
    return set === null ? null : this.served(set);
  }

  private setFor(name: string | null): CertificateSet | null {
    const found = name === null ? null : this.names.find(name);
    const fallback = name !== null && (this.settings.strictSni || this.settings.onDemand) ? null : this.names.first;
    return found ?? fallback;
  }

  /** What is asked of clients that name `name`; null: no certificate is. */
  ruleFor(name: string | null): ClientCertificateRule | null {
    return this.setFor(name)?.clients ?? null;
  }

  /** What answers the ACME challenge for `name`; null: none is under way. */
  forChallenge(name: string): Served | null {
    const set = this.names.findChallenge(name);
    return set === null ? null : this.served(set);
  }

  /**
   * Whether a request for `host` belongs on a connection that `set` serves: no other certificate has the name, and clients under it are asked for the same
   * (RFC 9110 section 7.4). A name that no certificate has is under the rule of the wildcard that it ends with, because a route for `*.a.test` takes
   * `x.y.a.test` too; else under that of the first certificate.
   */
  admits(set: CertificateSet, host: string): boolean {
    const name = host.startsWith("[") ? addressIn(host) : host;
    const own = this.names.find(name);
    if (own !== null) return own === set;
    const ruling = this.names.findAbove(name) ?? this.names.first;
    return sameRule(set.clients, ruling?.clients ?? null);
  }

  private served(set: CertificateSet): Served {
    const known = this.made.get(set);
    if (known !== undefined) return known;
    const key = this.keyOf(set);
    const context = this.contexts.get(key) ?? this.contextOf(set);
    this.used.set(key, context);
    const made = { set, context, ocsp: set.certificates[0]?.ocsp ?? null };
    this.made.set(set, made);
    return made;
  }

  /** Equal for sets whose contexts would be equal. */
  private keyOf(set: CertificateSet): string {
    const { minVersion, ciphers, curves, ticketKeys } = this.settings;
    const keys = ticketKeys.map(({ secret }) => Buffer.from(secret).toString("latin1"));
    const certificates = set.certificates.map(({ chain, key }) => [chain, key]);
    return createHash("sha256")
      .update(JSON.stringify([minVersion, ciphers, curves, keys, certificates, this.labelOf(set)]))
      .digest("latin1");
  }

  private contextOf(set: CertificateSet): SecureContext {
    const { minVersion, ciphers, curves, ticketKeys } = this.settings;
    const { certificates, clients } = set;
    const label = this.labelOf(set);
    const context = createSecureContext({
      cert: certificates.map(({ chain }) => chain),
      key: certificates.map(({ key }) => key),
      minVersion,
      ciphers,
      ecdhCurve: curves,
      secureOptions: OPTIONS | (ticketKeys.length === 0 ? constants.SSL_OP_NO_TICKET : 0),
      // Sessions of clients with certificates need it.
      sessionIdContext: label.slice(0, 32),
      ...(clients === null ? {} : { ca: clients.ca }),
      ...(clients === null || clients.crl === null ? {} : { crl: clients.crl }),
    });
    useTicketKeys(context, ticketKeys, label, (bytes) => void randomFillSync(bytes));
    return context;
  }

  /** What tickets are bound to: the listener, the names of the certificates and the rule for clients. The same in all threads and on all machines. */
  private labelOf({ certificates, clients }: CertificateSet): string {
    const names = [...new Set(certificates.flatMap((certificate) => certificate.names))].sort();
    return createHash("sha256")
      .update(JSON.stringify([this.address, names, clients]))
      .digest("hex");
  }
}

/** The IPv6 address in a host, as certificates' names have it. */
function addressIn(host: string): string {
  return URL.parse(`http://${host}/`)?.hostname.slice(1, -1) ?? host;
}

/**
 * A client may not ask for another handshake on the connection. The order of `ciphers` decides, but a client that wants ChaCha20 most, because it
 * computes AES without instructions for it, gets ChaCha20.
 */
const OPTIONS = constants.SSL_OP_CIPHER_SERVER_PREFERENCE | constants.SSL_OP_PRIORITIZE_CHACHA;

/** The protocols that the proxy speaks, in the form of ALPN (RFC 7301 section 3.1). */
export const HTTP1_PROTOCOLS: Buffer = Buffer.from("\x08http/1.1", "latin1");

/** What the answer to an ACME challenge speaks (RFC 8737 section 4). */
export const ACME_PROTOCOLS: Buffer = Buffer.from("\x0aacme-tls/1", "latin1");
