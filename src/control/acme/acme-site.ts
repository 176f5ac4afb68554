/** What certificates with the same settings share: the storage, the account with the authority, the answers to challenges, the service of on-demand names. */
import type { BoundedRequests, RequestBounds } from "../outside/bounded-requests.ts";
import type { Challenge, ChallengeResponder } from "../../acme/challenge.ts";
import { messageOf } from "../../base/errors.ts";
import type { AcmeConfig } from "../../config/schema/tls/acme-schema.ts";
import type { AppLog } from "../../observe/app-log.ts";
import { AcmeAuthority } from "./acme-authority.ts";
import type { Challenges } from "./challenges.ts";
import { runDnsHook } from "./dns-hook.ts";
import { OnDemand } from "./on-demand.ts";
import type { AcmeStorage } from "./storage.ts";
import type { LockClock } from "./storage-lock.ts";

/** Time for one exchange with the authority, and bytes of an answer. */
const AUTHORITY_MS = 30_000;
const AUTHORITY_BYTES_MAX = 256 * 1024;
/** A handshake waits for the answer of the service that knows the names. */
const ASK_MS = 3000;
const ASK_BYTES_MAX = 64 * 1024;

export interface SiteParts {
  readonly storage: AcmeStorage;
  readonly challenges: Challenges;
  readonly clock: LockClock;
  readonly log: AppLog;
  readonly version: string;
  /** The trusted certificates of a `ca_file` as they are now, PEM text. */
  readonly trusted: (file: string) => string;
  readonly requests: (bounds: RequestBounds) => BoundedRequests;
}

export class AcmeSite implements ChallengeResponder {
  readonly storage: AcmeStorage;
  readonly authority: AcmeAuthority;
  /** Null: nothing is ordered on demand. */
  readonly onDemand: OnDemand | null;
  private readonly parts: SiteParts;
  private readonly acme: AcmeConfig;
  private readonly abort: AbortController = new AbortController();
  private readonly asked: BoundedRequests | null;
  /** Answers of dns-01 that are set, one after the other: programs that change a zone seldom bear company. */
  private hooks: Promise<unknown> = Promise.resolve();

  constructor(acme: AcmeConfig, parts: SiteParts) {
    this.acme = acme;
    this.parts = parts;
    const { storage, clock, log, version, trusted } = parts;
    this.storage = storage;
    const userAgent = `millrace/${version}`;
    const { ca_file: caFile } = acme;
    const ca = (): string | null => (caFile === undefined ? null : trusted(caFile));
    const requests = parts.requests({ userAgent, ca, timeoutMs: AUTHORITY_MS, bodyBytesMax: AUTHORITY_BYTES_MAX });
    const { signal } = this.abort;
    this.authority = new AcmeAuthority({ acme, storage, requests, clock, log, signal });
    const { on_demand: settings } = acme;
    this.asked =
      settings === undefined ? null : parts.requests({ userAgent, ca: () => null, timeoutMs: ASK_MS, bodyBytesMax: ASK_BYTES_MAX });
    this.onDemand =
      settings === undefined || this.asked === null ? null : new OnDemand({ settings, ask: this.asked.ask, clock, log, signal });
  }

  async present(challenge: Challenge, signal: AbortSignal): Promise<void> {
    if (challenge.type !== "dns-01") return this.parts.challenges.present(challenge, signal);
    await this.hook("present", challenge, signal);
    await this.parts.clock.wait(this.acme.dns?.wait ?? 0, signal);
  }

  async remove(challenge: Challenge): Promise<void> {
    if (challenge.type !== "dns-01") return this.parts.challenges.remove(challenge);
    await this.hook("remove", challenge, new AbortController().signal).catch((error: unknown) => {
      this.parts.log.warn("acme_dns_hook_failed", `a record was left behind: ${messageOf(error)}`, { name: challenge.name });
    });
  }

  close(): void {
    this.abort.abort();
    this.authority.close();
    this.asked?.close();
  }

  private hook(action: "present" | "remove", challenge: Challenge, signal: AbortSignal): Promise<void> {
    const { command = [], timeout = 0 } = this.acme.dns ?? {};
    const run = this.hooks.then(() => runDnsHook(command, action, challenge, timeout, signal));
    this.hooks = run.catch(() => undefined);
    return run;
  }
}
