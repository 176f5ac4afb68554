/** One certificate authority and the account with it, for all certificates that are ordered there. */
import { messageOf } from "../../base/errors.ts";
import { openAccount, replacementFor, signerOf } from "../../acme/account.ts";
import type { AccountSettings, StoredAccount } from "../../acme/account.ts";
import { AcmeClient } from "../../acme/acme-client.ts";
import { AcmeFault, AcmeProblem } from "../../acme/acme-error.ts";
import type { BoundedRequests } from "../outside/bounded-requests.ts";
import type { Signer } from "../../acme/jws.ts";
import type { AcmeConfig } from "../../config/schema/tls/acme-schema.ts";
import type { AppLog } from "../../observe/app-log.ts";
import { accountId } from "./certificate-order.ts";
import type { AcmeStorage } from "./storage.ts";
import { takeLock } from "./storage-lock.ts";
import type { LockClock } from "./storage-lock.ts";

export interface AcmeAuthorityOptions {
  readonly acme: Pick<AcmeConfig, "directory" | "email" | "eab">;
  readonly storage: AcmeStorage;
  readonly requests: BoundedRequests;
  readonly clock: LockClock;
  readonly log: Pick<AppLog, "info" | "warn" | "error">;
  /** Aborted: nothing more is asked. */
  readonly signal: AbortSignal;
}

export class AcmeAuthority {
  readonly client: AcmeClient;
  private readonly options: AcmeAuthorityOptions;
  private readonly id: string;
  private account: StoredAccount | null = null;
  /** The account while it is read or made. */
  private opening: Promise<StoredAccount> | null = null;
  /** The authority has refused an account: until then none is asked for, epoch milliseconds. Else each certificate would ask for one. */
  private refusedUntilMs: number = 0;

  constructor(options: AcmeAuthorityOptions) {
    this.options = options;
    const { acme, clock, signal, requests } = options;
    this.id = accountId(acme);
    this.client = new AcmeClient({ directory: acme.directory, ask: requests.ask, clock, signal });
  }

  /** Does something in the name of the account. If the authority does not accept the account, another one takes its place, and it is done again. */
  async as<T>(act: (signer: Signer) => Promise<T>): Promise<T> {
    const account = await this.opened();
    try {
      return await act(signerOf(account));
    } catch (error) {
      if (!(error instanceof AcmeProblem)) throw error;
      const next = await this.replaced(account, error);
      if (next === null) throw error;
      return act(signerOf(next));
    }
  }

  close(): void {
    this.options.requests.close();
  }

  private opened(): Promise<StoredAccount> {
    if (this.account !== null) return Promise.resolve(this.account);
    this.opening ??= this.open().finally(() => {
      this.opening = null;
    });
    return this.opening;
  }

  /** Another process may make an account at the same time: the lock lets one of them do it. */
  private async open(): Promise<StoredAccount> {
    const { storage, clock, signal, log, acme } = this.options;
    if (clock.now() < this.refusedUntilMs) throw new AcmeFault("the authority has refused an account", this.refusedUntilMs - clock.now());
    const lock = await takeLock(storage.at("locks", `account-${this.id}.lock`), clock, signal);
    if (lock === null) throw new AcmeFault("given up");
    try {
      const stored = await storage.account(this.id);
      const settings = settingsOf(acme);
      const account = await openAccount(this.client, stored, settings).catch(async (error: unknown) => {
        const isLost = stored !== null && error instanceof AcmeProblem;
        const next = isLost ? await replacementFor(this.client, stored, settings, error) : null;
        if (next === null) throw error;
        return next;
      });
      if (account !== stored) await this.keep(account);
      if (stored === null) log.info("acme_account_made", `an account with ${acme.directory} was made`, { directory: acme.directory });
      this.account = account;
      return account;
    } catch (error) {
      if (error instanceof AcmeProblem) this.refusedUntilMs = clock.now() + (error.retryAfterMs ?? 60_000);
      throw error;
    } finally {
      await lock.release();
    }
  }

  /** Null: the refusal is about something else. */
  private async replaced(before: StoredAccount, refusal: AcmeProblem): Promise<StoredAccount | null> {
    const { log, acme } = this.options;
    // Another order may have found it out at the same time.
    if (this.account !== null && this.account !== before) return this.account;
    const next = await replacementFor(this.client, before, settingsOf(acme), refusal);
    if (next === null) return null;
    log.warn("acme_account_replaced", `the authority does not accept the account any more (${refusal.message}): there is another one now`, {
      directory: acme.directory,
    });
    await this.keep(next);
    this.account = next;
    return next;
  }

  /** An account that cannot be stored is used nevertheless. */
  private async keep(account: StoredAccount): Promise<void> {
    const { storage, log } = this.options;
    await storage.writeAccount(this.id, account).catch((error: unknown) => {
      log.error("acme_storage_failed", `the account cannot be stored: ${messageOf(error)}`, {
        file: storage.at("accounts", `${this.id}.json`),
      });
    });
  }
}

function settingsOf({ email, eab }: AcmeAuthorityOptions["acme"]): AccountSettings {
  return { email: email ?? null, eab: eab ?? null };
}
