/**
 * Decides whether a certificate may be ordered for a name that a client has just named. Whoever runs the service at `ask` knows which names are theirs; without
 * its word, anybody could point a thousand names here and use up what the authority allows. A name that was refused is not asked about again for a while.
 */
import type { BoundedRequests } from "../outside/bounded-requests.ts";
import type { AcmeConfig } from "../../config/schema/tls/acme-schema.ts";
import type { AppLog } from "../../observe/app-log.ts";
import type { LockClock } from "./storage-lock.ts";

/** How long a refusal holds. */
const REFUSED_MS = 5 * 60_000;
/** How long it holds that the service could not be asked. */
const UNKNOWN_MS = 10_000;
/** Refusals that are remembered. When there are more, the oldest is forgotten. */
const REMEMBERED_MAX = 10_000;
/** Questions that are under way at once, and in a second. More than these are for nobody's certificates. */
const ASKING_MAX = 16;
const ASKS_PER_SECOND = 50;
const MINUTE_MS = 60_000;

/** `unknown`: the service gives no answer. */
export type Admission = "yes" | "no" | "unknown";

export interface OnDemandOptions {
  readonly settings: NonNullable<AcmeConfig["on_demand"]>;
  readonly ask: BoundedRequests["ask"];
  readonly clock: LockClock;
  readonly log: Pick<AppLog, "warn">;
  readonly signal: AbortSignal;
}

export class OnDemand {
  private readonly options: OnDemandOptions;
  private readonly refused: Map<string, number> = new Map();
  private asking: number = 0;
  private askedInSecond: number[] = [];
  private orderedInMinute: number[] = [];
  /** Names that a limit has refused since the log said so, and when it may say so again, epoch milliseconds. */
  private overLimit: number = 0;
  private sayOverLimitMs: number = 0;

  constructor(options: OnDemandOptions) {
    this.options = options;
  }

  /** Whether the service admits the name. */
  async admits(name: string): Promise<Admission> {
    const { clock } = this.options;
    const until = this.refused.get(name);
    if (until !== undefined && clock.now() < until) return "no";
    this.askedInSecond = this.askedInSecond.filter((at) => at > clock.now() - 1000);
    if (this.asking >= ASKING_MAX || this.askedInSecond.length >= ASKS_PER_SECOND) return "unknown";
    this.askedInSecond.push(clock.now());
    this.asking++;
    const answer = await this.askService(name).finally(() => this.asking--);
    if (answer !== "yes") this.remember(name, clock.now() + (answer === "no" ? REFUSED_MS : UNKNOWN_MS));
    return answer;
  }

  /** No certificate could be had for the name: it is not asked about for that time. */
  remember(name: string, untilMs: number): void {
    this.refused.delete(name);
    this.refused.set(name, untilMs);
    const [oldest] = this.refused.keys();
    if (this.refused.size > REMEMBERED_MAX && oldest !== undefined) this.refused.delete(oldest);
  }

  /**
   * Whether one more order is within the limits; then it is counted.
   * @param served how many names are served on demand
   */
  mayOrder(name: string, served: number): boolean {
    const { clock, settings } = this.options;
    const { max_names: most, orders_per_minute: perMinute } = settings;
    if (served >= most) return this.refuseOne(name, `there are ${most} on-demand names already`);
    this.orderedInMinute = this.orderedInMinute.filter((at) => at > clock.now() - MINUTE_MS);
    if (this.orderedInMinute.length >= perMinute) return this.refuseOne(name, "too many names were new in the last minute");
    this.orderedInMinute.push(clock.now());
    return true;
  }

  /** Says once a minute that a limit keeps names from being served: clients can name as many as they like. */
  private refuseOne(name: string, why: string): false {
    const { clock, log } = this.options;
    this.overLimit++;
    if (clock.now() < this.sayOverLimitMs) return false;
    const more = this.overLimit === 1 ? "" : `, and ${this.overLimit - 1} more refusals since the last such line`;
    log.warn("certificate_name_refused", `no certificate is ordered for ${name}: ${why}${more}`, { name, refused: this.overLimit });
    this.overLimit = 0;
    this.sayOverLimitMs = clock.now() + MINUTE_MS;
    return false;
  }

  private async askService(name: string): Promise<Admission> {
    const { settings, ask, signal } = this.options;
    const url = new URL(settings.ask);
    url.searchParams.set("domain", name);
    try {
      const { status } = await ask({ method: "GET", url: url.href, signal });
      if (status >= 500) return "unknown";
      return status >= 200 && status < 300 ? "yes" : "no";
    } catch {
      return "unknown";
    }
  }
}

/** Whether a certificate can be ordered for a name of SNI: a DNS name with a dot whose last label is no number. */
export function mayBeOrdered(name: string): boolean {
  return name.length <= 253 && /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name);
}
