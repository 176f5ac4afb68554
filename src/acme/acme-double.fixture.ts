/**
 * A small certificate authority in memory, for tests: the double of an ACME server, with renewal information and profiles, which Debian's pebble does not
 * know. It checks signatures, nonces and signing requests as a real one does. `tamper` changes answers, for authorities that misbehave.
 */
import type { X509Certificate } from "@peculiar/x509";
import { x509 } from "../x509/library.ts";
import { createHmac, createPublicKey, verify, webcrypto } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { AcmeClock, AcmeRequest, AcmeResponse } from "./acme-http.ts";
import { listOf, property } from "./acme-error.ts";
import type { Challenge, ChallengeResponder } from "./challenge.ts";
import { thumbprint } from "./jws.ts";

const BASE = "https://ca.example";
const DAY_MS = 24 * 3600_000;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export interface DoubleAnswer {
  readonly status: number;
  readonly fields: Record<string, string>;
  readonly body: string;
}

interface Account {
  readonly jwk: webcrypto.JsonWebKey;
  status: string;
  contact: unknown;
}

interface Authorization {
  readonly name: string;
  readonly token: string;
  status: string;
  looks: number;
  thumbprint: string;
}

interface DoubleOrder {
  readonly names: readonly string[];
  readonly authorizations: readonly string[];
  readonly profile: string;
  readonly replaces: string;
  status: string;
  certificate: string;
}

/** A clock that waiting moves. */
export class MovedClock implements AcmeClock {
  ms: number = Date.parse("2026-11-30T12:00:00Z");
  readonly now = (): number => this.ms;
  readonly wait = (ms: number): Promise<void> => {
    this.ms += ms;
    return Promise.resolve();
  };
}

export class AcmeDouble {
  readonly directory: string = `${BASE}/directory`;
  readonly clock: MovedClock = new MovedClock();
  /** Every request, as `METHOD /path`. */
  readonly requests: string[] = [];
  readonly accounts: Map<string, Account> = new Map();
  readonly orders: Map<string, DoubleOrder> = new Map();
  readonly authorizations: Map<string, Authorization> = new Map();
  /** Challenges that are answered now. */
  readonly answered: Map<string, Challenge> = new Map();
  /** How many of the next nonces are refused. */
  badNonces: number = 0;
  /** How often a validation is `pending` before it ends. */
  pendingLooks: number = 1;
  /** Key of external account binding; empty: none is needed. */
  bindingKey: string = "";
  profiles: Record<string, string> | null = { classic: "The same as always", shortlived: "Six days" };
  /** The window for renewal of every certificate; null: no renewal information is given. */
  window: { start: string; end: string; explanationURL?: string } | null = null;
  lifetimeMs: number = 90 * DAY_MS;
  /** What the next requests to newOrder are answered with; empty: orders. */
  readonly refusals: DoubleAnswer[] = [];
  /** Changes an answer on its way to the client. */
  tamper: (path: string, answer: DoubleAnswer) => DoubleAnswer | Promise<DoubleAnswer> = (_path, answer) => answer;
  private readonly nonces: Set<string> = new Set();
  private count: number = 0;
  private authority: { readonly keys: webcrypto.CryptoKeyPair; readonly certificate: X509Certificate } | null = null;

  readonly ask = async (request: Omit<AcmeRequest, "signal">): Promise<AcmeResponse> => {
    const path = new URL(request.url).pathname;
    this.requests.push(`${request.method} ${path}`);
    const own = await this.answer(request, path);
    const { status, fields, body } = await this.tamper(path, { ...own, fields: { ...own.fields, "replay-nonce": this.nonce() } });
    return { status, body, field: (name): string | null => fields[name] ?? null };
  };

  /** Answers challenges as a proxy does that the authority can reach. */
  readonly answers: ChallengeResponder = {
    present: async (challenge) => void this.answered.set(challenge.token, challenge),
    remove: async (challenge) => void this.answered.delete(challenge.token),
  };

  private async answer(request: Omit<AcmeRequest, "signal">, path: string): Promise<DoubleAnswer> {
    if (path === "/directory") return json(200, this.directoryDocument());
    if (path === "/nonce") return { status: 200, fields: {}, body: "" };
    if (path.startsWith("/renewal/"))
      return this.window === null
        ? problem(404, "malformed", "unknown")
        : json(200, { suggestedWindow: this.window, explanationURL: this.window.explanationURL });
    const { header, payload, signed, signature } = parts(request.body ?? "");
    if (property(header, "url") !== request.url) return problem(400, "malformed", "another url");
    const nonce = String(property(header, "nonce"));
    const isKnown = this.nonces.delete(nonce);
    if (!isKnown || this.badNonces-- > 0) return problem(400, "badNonce", "no such nonce");
    const account = this.accounts.get(String(property(header, "kid")));
    const jwk = (property(header, "jwk") as webcrypto.JsonWebKey | undefined) ?? account?.jwk;
    if (jwk === undefined) return problem(400, "accountDoesNotExist", "no such account");
    const key = createPublicKey({ key: jwk, format: "jwk" });
    if (!verify("sha256", Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "base64url")))
      return problem(400, "malformed", "wrong signature");
    if (path === "/account") return this.newAccount(jwk, payload);
    if (account === undefined || account.status !== "valid") return problem(401, "unauthorized", "the account is deactivated");
    return this.signedAnswer(path, payload, jwk, account);
  }

  private async signedAnswer(path: string, payload: unknown, jwk: webcrypto.JsonWebKey, account: Account): Promise<DoubleAnswer> {
    const [, kind = "", id = ""] = path.split("/");
    const order = this.orders.get(id);
    const authorization = this.authorizations.get(id);
    if (kind === "account") {
      if (property(payload, "contact") !== undefined) account.contact = property(payload, "contact");
      return json(200, { status: account.status, contact: account.contact });
    }
    if (kind === "order" && id === "") return this.newOrder(payload);
    if (kind === "order" && order !== undefined) return json(200, this.orderDocument(id, order));
    if (kind === "challenge" && authorization !== undefined) {
      authorization.thumbprint = thumbprint(createPublicKey({ key: jwk, format: "jwk" }));
      authorization.looks = this.pendingLooks;
      return json(200, { type: "http-01", status: "processing" });
    }
    if (kind === "authorization" && authorization !== undefined) return json(200, this.authorizationDocument(id, authorization));
    if (kind === "finalize" && order !== undefined) return this.finalize(id, order, String(property(payload, "csr")));
    if (kind === "certificate" && order !== undefined)
      return { status: 200, fields: { "content-type": "application/pem-certificate-chain" }, body: order.certificate };
    return problem(404, "malformed", "nothing there");
  }

  private newAccount(jwk: webcrypto.JsonWebKey, payload: unknown): DoubleAnswer {
    const known = [...this.accounts].find(([, account]) => account.jwk.x === jwk.x);
    if (known !== undefined && known[1].status !== "valid") return problem(403, "unauthorized", "the account is deactivated");
    if (property(payload, "termsOfServiceAgreed") !== true) return problem(403, "userActionRequired", "agree first");
    if (this.bindingKey !== "" && !isBound(property(payload, "externalAccountBinding"), this.bindingKey))
      return problem(403, "externalAccountRequired", "no customer");
    const url = known?.[0] ?? `${BASE}/account/${++this.count}`;
    const account = known?.[1] ?? { jwk, status: "valid", contact: property(payload, "contact") };
    this.accounts.set(url, account);
    return json(known === undefined ? 201 : 200, { status: "valid", contact: account.contact }, { location: url });
  }

  private newOrder(payload: unknown): DoubleAnswer {
    const refusal = this.refusals.shift();
    if (refusal !== undefined) return refusal;
    const names = listOf(property(payload, "identifiers")).map((each) => String(property(each, "value")));
    const id = `o${++this.count}`;
    const authorizations = names.map((name) => {
      const own = `a${++this.count}`;
      this.authorizations.set(own, { name, token: `token-${own}`, status: "pending", looks: 0, thumbprint: "" });
      return own;
    });
    const [profile, replaces] = [String(property(payload, "profile") ?? ""), String(property(payload, "replaces") ?? "")];
    const order: DoubleOrder = { names, authorizations, profile, replaces, status: "pending", certificate: "" };
    this.orders.set(id, order);
    return json(201, this.orderDocument(id, order), { location: `${BASE}/order/${id}` });
  }

  private authorizationDocument(id: string, authorization: Authorization): object {
    if (authorization.thumbprint !== "" && authorization.status === "pending" && authorization.looks-- <= 0) {
      const answer = this.answered.get(authorization.token);
      authorization.status = answer?.keyAuthorization === `${authorization.token}.${authorization.thumbprint}` ? "valid" : "invalid";
    }
    const { name, token, status } = authorization;
    const error = status === "invalid" ? { error: { type: "urn:ietf:params:acme:error:connection", detail: "nobody answers" } } : {};
    const challenges = ["http-01", "tls-alpn-01", "dns-01"].map((type) => ({
      type,
      status,
      token,
      url: `${BASE}/challenge/${id}`,
      ...error,
    }));
    const isWildcard = name.startsWith("*.");
    return {
      status,
      identifier: { type: "dns", value: isWildcard ? name.slice(2) : name },
      ...(isWildcard ? { wildcard: true } : {}),
      challenges,
    };
  }

  private orderDocument(id: string, order: DoubleOrder): object {
    const states = order.authorizations.map((own) => this.authorizations.get(own)?.status);
    if (order.status === "pending" && states.every((status) => status === "valid")) order.status = "ready";
    if (order.status === "pending" && states.includes("invalid")) order.status = "invalid";
    return {
      status: order.status,
      identifiers: order.names.map((value) => ({ type: "dns", value })),
      authorizations: order.authorizations.map((own) => `${BASE}/authorization/${own}`),
      finalize: `${BASE}/finalize/${id}`,
      ...(order.status === "valid" ? { certificate: `${BASE}/certificate/${id}` } : {}),
    };
  }

  private async finalize(id: string, order: DoubleOrder, csr: string): Promise<DoubleAnswer> {
    if (order.status !== "ready") return problem(403, "orderNotReady", "not ready");
    const request = new x509.Pkcs10CertificateRequest(Buffer.from(csr, "base64url"));
    const names = request.extensions.flatMap((each) =>
      each instanceof x509.SubjectAlternativeNameExtension ? each.names.items.map(({ value }) => value) : [],
    );
    if (!(await request.verify()) || names.toSorted().join() !== order.names.toSorted().join())
      return problem(400, "badCSR", "other names");
    order.certificate = await this.issue(
      createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: "der", type: "spki" }),
      names,
    );
    order.status = "valid";
    return json(200, this.orderDocument(id, order));
  }

  /** A certificate and that of the authority, as PEM text. */
  async issue(publicKey: KeyObject, names: readonly string[]): Promise<string> {
    this.authority ??= await makeAuthority(this.clock.now());
    const { keys, certificate } = this.authority;
    const now = this.clock.now();
    const leaf = await x509.X509CertificateGenerator.create({
      subject: "",
      issuer: certificate.subject,
      publicKey: new x509.PublicKey(publicKey.export({ type: "spki", format: "der" })),
      signingKey: keys.privateKey,
      signingAlgorithm: ALGORITHM,
      serialNumber: `8${String(++this.count).padStart(15, "0")}`,
      notBefore: new Date(now - 3600_000),
      notAfter: new Date(now - 3600_000 + this.lifetimeMs),
      extensions: [
        new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns", value }))),
        await x509.AuthorityKeyIdentifierExtension.create(certificate.publicKey),
      ],
    });
    return `${leaf.toString("pem")}\n${certificate.toString("pem")}\n`;
  }

  private directoryDocument(): object {
    return {
      newNonce: `${BASE}/nonce`,
      newAccount: `${BASE}/account`,
      newOrder: `${BASE}/order`,
      ...(this.window === null ? {} : { renewalInfo: `${BASE}/renewal` }),
      meta: { externalAccountRequired: this.bindingKey !== "", ...(this.profiles === null ? {} : { profiles: this.profiles }) },
    };
  }

  private nonce(): string {
    const nonce = `nonce-${++this.count}`;
    this.nonces.add(nonce);
    return nonce;
  }
}

export function json(status: number, value: unknown, fields: Record<string, string> = {}): DoubleAnswer {
  return { status, fields: { "content-type": "application/json", ...fields }, body: JSON.stringify(value) };
}

export function problem(status: number, type: string, detail: string, fields: Record<string, string> = {}): DoubleAnswer {
  const body = JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail, status });
  return { status, fields: { "content-type": "application/problem+json", ...fields }, body };
}

function parts(body: string): { header: unknown; payload: unknown; signed: string; signature: string } {
  const jws: unknown = JSON.parse(body);
  const [header, payload] = [String(property(jws, "protected")), String(property(jws, "payload"))];
  const text = Buffer.from(payload, "base64url").toString();
  return {
    header: JSON.parse(Buffer.from(header, "base64url").toString()),
    payload: text === "" ? null : JSON.parse(text),
    signed: `${header}.${payload}`,
    signature: String(property(jws, "signature")),
  };
}

function isBound(binding: unknown, key: string): boolean {
  const [header, payload, signature] = ["protected", "payload", "signature"].map((part) => String(property(binding, part)));
  return createHmac("sha256", Buffer.from(key, "base64url")).update(`${header}.${payload}`).digest("base64url") === signature;
}

async function makeAuthority(now: number): Promise<{ keys: webcrypto.CryptoKeyPair; certificate: X509Certificate }> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    keys,
    signingAlgorithm: ALGORITHM,
    name: "CN=Authority in memory",
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + 3650 * DAY_MS),
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  return { keys, certificate };
}
