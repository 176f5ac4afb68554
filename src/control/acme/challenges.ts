/**
 * Answers to challenges that are under way. The folder `challenges` of the storage says which there are, and every process that shares it serves them all: an
 * authority's request may reach another process than the one that ordered. dns-01 needs none of this, its answer is in the DNS.
 */
import { generateKeyPairSync } from "node:crypto";
import type { AcmeClock } from "../../acme/acme-http.ts";
import type { Challenge } from "../../acme/challenge.ts";
import { messageOf } from "../../base/errors.ts";
import type { AppLog } from "../../observe/app-log.ts";
import type { ServedCertificate } from "../../shared/listener-tls.ts";
import type { AcmeStorage } from "./storage.ts";

/** How often a process looks into the folder. */
export const LOOK_MS = 500;
/** Time after an answer was put there until the authority is told to look: by then every process, and every thread of it, knows the answer. */
const SETTLE_MS = 800;
/** An answer that was left by a process that died is removed after this time. No order takes as long. */
const OLD_MS = 3600_000;
/** More answers than this are not looked at: an order has up to a hundred, and few orders run at once. */
const ANSWERS_MAX = 2000;

interface KnownAnswer {
  readonly http: readonly [token: string, text: string] | null;
  readonly certificate: ServedCertificate | null;
}

export interface ChallengesOptions {
  readonly storage: AcmeStorage;
  readonly clock: AcmeClock;
  readonly log: Pick<AppLog, "warn">;
  /** Called when there are other answers than before, with their kinds. */
  readonly changed: (kinds: { readonly texts: boolean; readonly certificates: boolean }) => void;
}

export class Challenges {
  private readonly options: ChallengesOptions;
  private known: ReadonlyMap<string, KnownAnswer> = new Map();
  private looking: Promise<void> | null = null;

  constructor(options: ChallengesOptions) {
    this.options = options;
  }

  /** What http-01 answers, by token. */
  get texts(): readonly (readonly [token: string, text: string])[] {
    return [...this.known.values()].flatMap(({ http }) => (http === null ? [] : [http]));
  }

  /** What tls-alpn-01 answers. */
  get certificates(): readonly ServedCertificate[] {
    return [...this.known.values()].flatMap(({ certificate }) => certificate ?? []);
  }

  async present({ type, name, token, keyAuthorization }: Challenge, signal: AbortSignal): Promise<void> {
    const { storage, clock } = this.options;
    const text = JSON.stringify({ type, name, token, keyAuthorization, madeMs: clock.now() });
    await storage.write("challenges", `${token}.json`, text);
    await this.look();
    await clock.wait(SETTLE_MS, signal);
  }

  async remove({ token }: Pick<Challenge, "token">): Promise<void> {
    await this.options.storage.remove("challenges", `${token}.json`);
    await this.look();
  }

  /** Looks into the folder. */
  async look(): Promise<void> {
    // A look that began earlier may have missed what is looked for.
    await this.looking;
    this.looking ??= this.lookNow().finally(() => {
      this.looking = null;
    });
    await this.looking;
  }

  private async lookNow(): Promise<void> {
    try {
      const all = await this.options.storage.names("challenges");
      const names = all.filter((name) => /^[A-Za-z0-9_-]{1,256}\.json$/.test(name)).slice(0, ANSWERS_MAX);
      if (names.length === this.known.size && names.every((name) => this.known.has(name))) return;
      const now = new Map<string, KnownAnswer>();
      for (const name of names) {
        const answer = this.known.get(name) ?? (await this.read(name));
        if (answer !== null) now.set(name, answer);
      }
      const differ = [...difference(this.known, now), ...difference(now, this.known)];
      this.known = now;
      if (differ.length === 0) return;
      this.options.changed({
        texts: differ.some(({ http }) => http !== null),
        certificates: differ.some(({ certificate }) => certificate !== null),
      });
    } catch (error) {
      this.options.log.warn("acme_storage_failed", `answers to challenges cannot be read: ${messageOf(error)}`);
    }
  }

  private async read(file: string): Promise<KnownAnswer | null> {
    const { storage, clock } = this.options;
    const answer = asAnswer(await storage.read("challenges", file));
    if (answer === null) return null;
    if (clock.now() - answer.madeMs > OLD_MS) {
      await storage.remove("challenges", file);
      return null;
    }
    const { type, name, token, keyAuthorization } = answer;
    if (type === "http-01") return { http: [token, keyAuthorization], certificate: null };
    return { http: null, certificate: await certificateFor(name, keyAuthorization, clock.now()) };
  }
}

/** The answers of `one` that `other` has not. */
function difference(one: ReadonlyMap<string, KnownAnswer>, other: ReadonlyMap<string, KnownAnswer>): readonly KnownAnswer[] {
  return [...one].flatMap(([name, answer]) => (other.has(name) ? [] : [answer]));
}

async function certificateFor(name: string, keyAuthorization: string, now: number): Promise<ServedCertificate> {
  const { challengeCertificate } = await import("../../acme/x509.ts");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const chain = await challengeCertificate(privateKey, name, keyAuthorization, now);
  const key = privateKey.export({ type: "pkcs8", format: "pem" });
  return { names: [name], chain, key, keyKind: "ecdsa", ocsp: null, clients: null, isChallenge: true };
}

interface StoredAnswer {
  readonly type: "http-01" | "tls-alpn-01";
  readonly name: string;
  readonly token: string;
  readonly keyAuthorization: string;
  readonly madeMs: number;
}

function asAnswer(text: string | null): StoredAnswer | null {
  try {
    const { type, name, token, keyAuthorization, madeMs }: Partial<Record<keyof StoredAnswer, unknown>> = JSON.parse(text ?? "null") ?? {};
    const isWhole =
      typeof name === "string" && typeof token === "string" && typeof keyAuthorization === "string" && typeof madeMs === "number";
    return isWhole && (type === "http-01" || type === "tls-alpn-01") ? { type, name, token, keyAuthorization, madeMs } : null;
  } catch {
    return null;
  }
}
