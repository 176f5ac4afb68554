/** A client beside the double of an authority, for tests. */
import { openAccount, signerOf } from "./account.ts";
import type { AccountSettings, StoredAccount } from "./account.ts";
import { AcmeClient } from "./acme-client.ts";
import { AcmeDouble } from "./acme-double.fixture.ts";
import { obtainCertificate } from "./order.ts";
import type { ObtainedCertificate, OrderSettings } from "./order.ts";

export const ACCOUNT: AccountSettings = { email: "ops@example.com", eab: null };
const ORDER: OrderSettings = { names: ["example.com"], challenge: "http-01", key: "ecdsa", profile: null, replaces: null };

export interface Stage {
  readonly double: AcmeDouble;
  readonly client: AcmeClient;
  readonly abort: AbortController;
  readonly obtain: (settings?: Partial<OrderSettings>, account?: StoredAccount) => Promise<ObtainedCertificate>;
}

export function stage(): Stage {
  const double = new AcmeDouble();
  const abort = new AbortController();
  const client = new AcmeClient({ directory: double.directory, ask: double.ask, clock: double.clock, signal: abort.signal });
  let known: StoredAccount | null = null;
  return {
    double,
    client,
    abort,
    obtain: async (settings = {}, account): Promise<ObtainedCertificate> => {
      known = account ?? (await openAccount(client, known, ACCOUNT));
      return obtainCertificate(client, signerOf(known), { ...ORDER, ...settings }, double.answers);
    },
  };
}
