/**
 * A certificate authority for tests: `const authority = await TestAuthority.create()`, then `await authority.issue(["app.test"])`. Keys are ECDSA P-256,
 * which are made in about a millisecond; RSA only where a test asks for it.
 */
import { webcrypto } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Extension, X509Certificate } from "@peculiar/x509";
import { x509 } from "../../src/x509/library.ts";

/** A certificate with its key. */
export interface TestCertificate {
  /** The certificate alone, as PEM text. */
  readonly certificate: string;
  /** The certificate and the intermediate ones after it, as PEM text: what a server sends. */
  readonly chain: string;
  /** The private key as PEM text (PKCS #8). */
  readonly key: string;
  /** Hexadecimal, upper case, as in `X509Certificate` of node:crypto. */
  readonly serialNumber: string;
  /** SHA-256 of the certificate: 64 hexadecimal digits, lower case. */
  readonly fingerprint: string;
}

export interface Wish {
  /** Distinguished name of the subject. Default: `CN=` and the first name. */
  readonly subject?: string;
  /** Default: ecdsa. */
  readonly key?: "ecdsa" | "rsa";
  /** What the certificate is for. Default: server. */
  readonly use?: "server" | "client";
  /** `expired` ended an hour ago, `future` begins in a day. Default: an hour ago until in thirty days. */
  readonly valid?: "now" | "expired" | "future";
  /** Exact bounds, over `valid`. */
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly uris?: readonly string[];
  readonly emails?: readonly string[];
  /** Further extensions. */
  readonly extensions?: readonly Extension[];
}

export interface AuthorityWish {
  readonly subject?: string;
  readonly key?: "ecdsa" | "rsa";
  /** How many intermediate certificates may be below it. Default: 1. */
  readonly pathLength?: number;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly extensions?: readonly Extension[];
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) } as const;

export class TestAuthority {
  /** The authority's certificate as PEM text: what clients trust. Of an intermediate authority its own, and not the root. */
  readonly certificate: string;
  /** The authority's private key as PEM text (PKCS #8). */
  readonly key: string;
  private readonly own: X509Certificate;
  private readonly keys: webcrypto.CryptoKeyPair;
  /** The intermediate certificates from this one up, as PEM text; "" for a root. */
  private readonly below: string;

  private constructor(own: X509Certificate, keys: webcrypto.CryptoKeyPair, key: string, below: string) {
    this.own = own;
    this.keys = keys;
    this.certificate = pemOf(own);
    this.key = key;
    this.below = below;
  }

  /** A root of its own: two calls give two authorities that do not know each other. */
  static async create(wish: AuthorityWish = {}): Promise<TestAuthority> {
    const keys = await generate(wish.key ?? "ecdsa");
    const own = await x509.X509CertificateGenerator.createSelfSigned({
      name: wish.subject ?? "CN=Test authority",
      keys,
      signingAlgorithm: signing(keys.privateKey),
      ...authorityTerm(wish),
      extensions: [...(await authorityExtensions(keys, wish.pathLength ?? 1)), ...(wish.extensions ?? [])],
    });
    return new TestAuthority(own, keys, await privatePem(keys), "");
  }

  /** An authority below this one. What it issues has both in its chain, but for the root. */
  async intermediate(wish: AuthorityWish = {}): Promise<TestAuthority> {
    const keys = await generate(wish.key ?? "ecdsa");
    const own = await x509.X509CertificateGenerator.create({
      subject: wish.subject ?? "CN=Test intermediate",
      issuer: this.own.subjectName,
      publicKey: keys.publicKey,
      signingKey: this.keys.privateKey,
      signingAlgorithm: signing(this.keys.privateKey),
      ...authorityTerm(wish),
      extensions: [
        ...(await authorityExtensions(keys, wish.pathLength ?? 0)),
        await x509.AuthorityKeyIdentifierExtension.create(this.keys.publicKey),
        ...(wish.extensions ?? []),
      ],
    });
    return new TestAuthority(own, keys, await privatePem(keys), pemOf(own) + this.below);
  }

  /** A certificate for names: DNS names, wildcards and IP addresses. */
  async issue(names: readonly string[], wish: Wish = {}): Promise<TestCertificate> {
    const keys = await generate(wish.key ?? "ecdsa");
    const own = await x509.X509CertificateGenerator.create({
      subject: wish.subject ?? (names[0] === undefined ? "CN=Test" : `CN=${names[0]}`),
      issuer: this.own.subjectName,
      publicKey: keys.publicKey,
      signingKey: this.keys.privateKey,
      signingAlgorithm: signing(this.keys.privateKey),
      ...leafTerm(wish),
      extensions: [...(await leafExtensions(names, wish, keys, this.keys)), ...(wish.extensions ?? [])],
    });
    return {
      certificate: pemOf(own),
      chain: pemOf(own) + this.below,
      key: await privatePem(keys),
      serialNumber: own.serialNumber.toUpperCase(),
      fingerprint: Buffer.from(await own.getThumbprint("SHA-256")).toString("hex"),
    };
  }

  /** A client's certificate: `client("CN=alice,O=Example")`. */
  client(subject: string, wish: Wish = {}): Promise<TestCertificate> {
    return this.issue([], { subject, use: "client", ...wish });
  }

  /** The authority's revocation list as PEM text. @param nextUpdate default: in a day */
  async crl(revoked: readonly TestCertificate[], nextUpdate: Date = fromNow(DAY_MS)): Promise<string> {
    const list = await x509.X509CrlGenerator.create({
      issuer: this.own.subjectName,
      thisUpdate: fromNow(-HOUR_MS * 2),
      nextUpdate,
      signingKey: this.keys.privateKey,
      signingAlgorithm: signing(this.keys.privateKey),
      // Without a reason the library writes an empty list of extensions, which OpenSSL refuses, as RFC 5280 does.
      entries: revoked.map(({ serialNumber }) => ({
        serialNumber,
        revocationDate: fromNow(-HOUR_MS),
        reason: x509.X509CrlReason.keyCompromise,
      })),
      extensions: [await x509.AuthorityKeyIdentifierExtension.create(this.keys.publicKey)],
    });
    // The library's own label, "CRL", is none that OpenSSL knows (RFC 7468 section 6).
    return `${x509.PemConverter.encode(list.rawData, "X509 CRL")}\n`;
  }
}

/**
 * Writes texts into a temporary folder, which goes when the test or suite has ended: `const at = temporaryFiles(t, { "site.pem": chain })`, then
 * `at["site.pem"]` is the path. `at.folder` is the folder.
 */
export function temporaryFiles<Name extends string>(
  t: { after(done: () => void): void },
  files: Readonly<Record<Name, string>>,
): Record<Name | "folder", string> {
  const folder = mkdtempSync(path.join(tmpdir(), "millrace-certificates-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const paths: Record<string, string> = { folder };
  for (const [name, text] of Object.entries<string>(files)) {
    const file = path.join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    paths[name] = file;
  }
  return paths;
}

async function authorityExtensions({ publicKey }: webcrypto.CryptoKeyPair, pathLength: number): Promise<Extension[]> {
  return [
    new x509.BasicConstraintsExtension(true, pathLength, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
  ];
}

async function leafExtensions(
  names: readonly string[],
  { use = "server", uris = [], emails = [] }: Wish,
  own: webcrypto.CryptoKeyPair,
  issuer: webcrypto.CryptoKeyPair,
): Promise<Extension[]> {
  const { clientAuth, serverAuth } = x509.ExtendedKeyUsage;
  const alternative = [
    ...names.map((value) => ({ type: isAddress(value) ? ("ip" as const) : ("dns" as const), value })),
    ...uris.map((value) => ({ type: "url" as const, value })),
    ...emails.map((value) => ({ type: "email" as const, value })),
  ];
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
    new x509.ExtendedKeyUsageExtension([use === "server" ? serverAuth : clientAuth]),
    await x509.SubjectKeyIdentifierExtension.create(own.publicKey),
    await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ...(alternative.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(alternative)]),
  ];
}

function isAddress(name: string): boolean {
  return name.includes(":") || /^[\d.]+$/.test(name);
}

interface Term {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

function authorityTerm({ notBefore = fromNow(-DAY_MS), notAfter = fromNow(365 * DAY_MS) }: AuthorityWish): Term {
  return { notBefore, notAfter };
}

function leafTerm({ valid = "now", notBefore, notAfter }: Wish): Term {
  const [from, to] = { now: [-HOUR_MS, 30 * DAY_MS], expired: [-DAY_MS, -HOUR_MS], future: [DAY_MS, 30 * DAY_MS] }[valid];
  return { notBefore: notBefore ?? fromNow(from ?? 0), notAfter: notAfter ?? fromNow(to ?? 0) };
}

function fromNow(ms: number): Date {
  return new Date(Date.now() + ms);
}

async function generate(kind: "ecdsa" | "rsa"): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(kind === "rsa" ? RSA : ECDSA, true, ["sign", "verify"]);
}

function signing({ algorithm }: webcrypto.CryptoKey): { name: string; hash: string } {
  return { name: algorithm.name, hash: "SHA-256" };
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}

async function privatePem({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  const der = await webcrypto.subtle.exportKey("pkcs8", privateKey);
  return `${x509.PemConverter.encode(der, "PRIVATE KEY")}\n`;
}
