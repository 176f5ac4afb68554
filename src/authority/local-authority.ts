/**
 * The local authority: gives certificates for names and addresses of this machine and its networks, so that development has HTTPS as production has.
 * Clients trust them once the root is installed (`millrace trust`).
 */
import { webcrypto } from "node:crypto";
import { parseIpAddress } from "../base/cidr.ts";
import { LOCAL_NAMES_TEXT, isLocalName } from "../base/local-names.ts";
import { ECDSA, SHA256, pemOf, privateKeyPem, importSigningKey } from "./keys.ts";
import { makeAuthority } from "./new-authority.ts";
import { openAuthority } from "./storage.ts";
import type { StoredAuthority } from "./storage.ts";
import { x509 } from "../x509/library.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Short, because a new one costs milliseconds. */
const LIFE_MS = 7 * DAY_MS;
/** Clocks of containers and virtual machines differ a little. */
const CLOCK_SKEW_MS = HOUR_MS;

/** A certificate of the local authority. */
export interface LocalCertificate {
  /** PEM text of the certificate and of the one above it; the root is not in it. */
  readonly chain: string;
  /** The private key as PEM text. */
  readonly key: string;
  /** Epoch milliseconds when another one should take its place: a third of its life is left then. */
  readonly renewAt: number;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

export class LocalAuthority {
  /** The root as PEM text. */
  readonly root: string;
  /** The file of the root, for whoever is to trust it. */
  readonly file: string;
  private readonly key: webcrypto.CryptoKey;
  private readonly own: InstanceType<typeof x509.X509Certificate>;
  private readonly expiresAt: number;

  private constructor({ root, certificate, file }: StoredAuthority, key: webcrypto.CryptoKey) {
    this.root = root;
    this.file = file;
    this.key = key;
    this.own = new x509.X509Certificate(certificate);
    this.expiresAt = this.own.notAfter.getTime();
  }

  /** The authority that lies in the folder; it is made there when there is none. Rejects with an AuthorityProblem. */
  static async open(folder: string, now: number): Promise<LocalAuthority> {
    const stored = await openAuthority(folder, now, () => makeAuthority(now));
    return new LocalAuthority(stored, await importSigningKey(stored.key));
  }

  /**
   * A certificate for names that are all local; rejects with a RangeError when one is not. Addresses are written without brackets.
   * @param now epoch milliseconds
   */
  async issue(names: readonly string[], now: number): Promise<LocalCertificate> {
    const foreign = names.find((name) => !isLocalName(name));
    if (foreign !== undefined || names.length === 0)
      throw new RangeError(`the local authority gives certificates for ${LOCAL_NAMES_TEXT} only, not for ${JSON.stringify(foreign ?? "")}`);
    const keys = await webcrypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
    const expiresAt = Math.min(now + LIFE_MS, this.expiresAt);
    const alternative = names.map((name) => ({ type: parseIpAddress(name) === null ? ("dns" as const) : ("ip" as const), value: name }));
    const certificate = await x509.X509CertificateGenerator.create({
      // Clients read the alternative names. A name in the subject has room for 64 characters only.
      subject: [{ O: ["Millrace"] }, { CN: ["Certificate of the local authority"] }],
      issuer: this.own.subjectName,
      publicKey: keys.publicKey,
      signingKey: this.key,
      signingAlgorithm: SHA256,
      notBefore: new Date(now - CLOCK_SKEW_MS),
      notAfter: new Date(expiresAt),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        await x509.AuthorityKeyIdentifierExtension.create(this.own),
        new x509.SubjectAlternativeNameExtension(alternative),
      ],
    });
    const renewAt = now + ((expiresAt - now) * 2) / 3;
    return { chain: pemOf(certificate) + pemOf(this.own), key: await privateKeyPem(keys.privateKey), renewAt, expiresAt };
  }
}
