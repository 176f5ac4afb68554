/**
 * Orders certificates on trial, for `millrace check --acme`: at the authority's directory for trying, whose certificates nobody trusts. They are thrown away. What
 * goes wrong here goes wrong in earnest too: names that do not lead here, ports that are closed, an account that the authority does not want.
 */
import { obtainCertificate } from "../../acme/order.ts";
import { messageOf } from "../../base/errors.ts";
import type { Config } from "../../config/schema/schema.ts";
import { LETS_ENCRYPT, LETS_ENCRYPT_STAGING } from "../../config/schema/tls/acme-schema.ts";
import type { AcmeConfig } from "../../config/schema/tls/acme-schema.ts";
import { boundedRequests } from "../outside/bounded-requests.ts";
import type { AppLog } from "../../observe/app-log.ts";
import { afterMs } from "../after-ms.ts";
import { readTrust } from "../certificates/read-material.ts";
import { AcmeSite } from "./acme-site.ts";
import { wantedBy } from "./certificate-order.ts";
import { Challenges } from "./challenges.ts";
import { AcmeStorage } from "./storage.ts";
import type { LockClock } from "./storage-lock.ts";
import { answerTrials } from "./trial-answers.ts";
import { waitMs } from "./wait-ms.ts";

export interface TrialOptions {
  readonly version: string;
  /** Takes a line for the operator. */
  readonly say: (line: string) => void;
  /** Takes a line about something wrong. */
  readonly complain: (line: string) => void;
}

type Listeners = Config["listeners"];

/** Resolves with whether all went well. */
export async function orderOnTrial(listeners: Listeners, options: TrialOptions): Promise<boolean> {
  const ordering = listeners.flatMap(({ address, tls }) => (tls?.acme === undefined ? [] : [{ address, acme: tls.acme }]));
  if (ordering.length === 0) options.say("no listener has tls.acme: there is nothing to order");
  let isFine = true;
  for (const { address, acme } of ordering) isFine = (await orderFor(address, acme, listeners, options)) && isFine;
  return isFine;
}

async function orderFor(address: string, acme: AcmeConfig, listeners: Listeners, options: TrialOptions): Promise<boolean> {
  const { say, complain } = options;
  const staging = acme.staging ?? (acme.directory === LETS_ENCRYPT ? LETS_ENCRYPT_STAGING : null);
  const clock: LockClock = { now: Date.now, after: afterMs, wait: waitMs };
  const storage = new AcmeStorage(acme.storage);
  const challenges = new Challenges({ storage, clock, log: QUIET, changed: () => {} });
  const onTrial = { ...acme, directory: staging ?? acme.directory };
  const parts = { storage, challenges, clock, log: QUIET, version: options.version, trusted, requests: boundedRequests };
  const site = new AcmeSite(onTrial, parts);
  const host = URL.parse(onTrial.directory)?.host ?? "";
  try {
    const directory = await site.authority.client.directory();
    if (acme.profile !== undefined && directory.profiles?.includes(acme.profile) !== true) {
      throw new Error(`${host} has no profile ${acme.profile}`);
    }
    if (staging === null) {
      // The directory itself is no place for trials: what it gives is trusted, and counts against its limits.
      const all = wantedBy(acme).map(({ names }) => names.join(", "));
      say(
        `acme ${all.join("; ")}: not tried, because acme.staging names no directory of ${host} for trying; the authority answers, no more is known`,
      );
      return true;
    }
    await storage.open();
    const isPlain = acme.challenge === "http-01";
    const at = isPlain ? listeners.filter(({ tls }) => tls === undefined).map((each) => each.address) : [address];
    const servers = await answerTrials(acme.challenge === "dns-01" ? [] : at, !isPlain, () => challenges);
    for (const taken of servers.taken)
      say(`acme: somebody listens on ${taken} already; the proxy that runs there answers, if it has this storage`);
    try {
      return await orderEach(site, onTrial, host, options);
    } finally {
      servers.close();
    }
  } catch (error) {
    complain(`acme at ${host}: ${messageOf(error)}`);
    return false;
  } finally {
    site.close();
  }
}

async function orderEach(site: AcmeSite, acme: AcmeConfig, host: string, { say, complain }: TrialOptions): Promise<boolean> {
  let isFine = true;
  for (const { names } of wantedBy(acme)) {
    const settings = { names, challenge: acme.challenge, key: acme.key, profile: acme.profile ?? null, replaces: null };
    try {
      await site.authority.as((signer) => obtainCertificate(site.authority.client, signer, settings, site));
      say(`acme ${names.join(", ")}: ${host} gives a certificate (a trial, thrown away)`);
    } catch (error) {
      complain(`acme ${names.join(", ")}: ${messageOf(error)}`);
      isFine = false;
    }
  }
  return isFine;
}

/** Throws an Error of one plain line where the file cannot be read. */
function trusted(file: string): string {
  const read = readTrust({ ca_file: file });
  if (!("value" in read)) throw new Error(read.problem);
  return read.value.ca ?? "";
}

const QUIET: AppLog = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, log: () => {} };
