/**
 * Notices in a store: what one thread publishes, all threads of all machines learn within a second or two, and those that start later too. Each thread reads what is new by
 * itself. What cannot be sent waits until the store is back.
 */
import type { StoreClient } from "./store-client.ts";
import type { StoreClock } from "./store-connection.ts";

/** Time between two looks for what is new. */
const LOOK_MS = 1000;
/** Notices that one look takes; more come at once with the next one. */
export const NOTICES_MAX = 500;
/** Notices that wait for the store. Logouts of an hour, of a site with millions of users. */
const WAITING_MAX = 10_000;
/** Each look begins so long before the newest notice: after a failover the clock of the store may be behind, and then newer ones have earlier numbers. */
const OVERLAP_MS = 5000;

/** A notice as a store has it. Its number begins with when it was written, in milliseconds of the store's clock. */
export interface Notice {
  readonly number: string;
  readonly text: string;
}

interface Waiting {
  readonly topic: string;
  readonly text: string;
  readonly keepMs: number;
}

interface Followed {
  readonly takers: readonly ((text: string) => void)[];
  /** When the newest one was written that was read; 0: none was. */
  newestMs: number;
  /** The numbers of those that were read and are read again. */
  readonly seen: Set<string>;
}

export class Notices {
  private readonly topics: Map<string, Followed> = new Map();
  private waiting: Waiting[] = [];
  private client: Pick<StoreClient, "append" | "readNotices"> | null = null;
  private clock: StoreClock | null = null;
  private prefix: string = "";
  private isBusy: boolean = false;
  private cancelLook: () => void = () => {};

  publish(topic: string, text: string, keepMs: number): void {
    if (this.waiting.length >= WAITING_MAX) this.waiting.shift();
    this.waiting.push({ topic, text, keepMs });
    void this.look();
  }

  follow(topic: string, take: (text: string) => void): void {
    // Whoever follows later needs what is older, too.
    this.topics.set(topic, { takers: [...(this.topics.get(topic)?.takers ?? []), take], newestMs: 0, seen: new Set() });
    void this.look();
  }

  /**
   * From now on that client is asked.
   * @param prefix of the topics' names
   */
  use(client: Pick<StoreClient, "append" | "readNotices">, clock: StoreClock, prefix: string): void {
    this.stop();
    this.client = client;
    this.prefix = prefix;
    this.clock = clock;
    for (const [topic, { takers }] of this.topics) this.topics.set(topic, { takers, newestMs: 0, seen: new Set() });
    void this.look();
  }

  stop(): void {
    this.cancelLook();
    this.client = null;
  }

  private keyOf(topic: string): string {
    return `${this.prefix}:{${topic}}`;
  }

  /** Sends what waits, and reads what is new. */
  private async look(): Promise<void> {
    const { client, clock } = this;
    if (this.isBusy || client === null || clock === null || (this.waiting.length === 0 && this.topics.size === 0)) return;
    this.isBusy = true;
    this.cancelLook();
    try {
      await this.send(client);
      for (const [topic, followed] of this.topics) await this.read(client, topic, followed);
    } finally {
      this.isBusy = false;
      if (this.client !== null) this.cancelLook = clock.after(LOOK_MS, () => void this.look());
    }
  }

  private async send(client: Pick<StoreClient, "append">): Promise<void> {
    for (let first = this.waiting[0]; first !== undefined; first = this.waiting[0]) {
      if (!(await client.append(this.keyOf(first.topic), first.text, first.keepMs))) return;
      if (this.waiting[0] === first) this.waiting.shift();
    }
  }

  private async read(client: Pick<StoreClient, "readNotices">, topic: string, followed: Followed): Promise<void> {
    let after = String(Math.max(0, followed.newestMs - OVERLAP_MS));
    for (;;) {
      const notices = await client.readNotices(this.keyOf(topic), after);
      // Meanwhile another store was taken, or somebody began to follow.
      if (notices === null || client !== this.client || this.topics.get(topic) !== followed) return;
      for (const { number, text } of notices) {
        if (followed.seen.has(number)) continue;
        followed.seen.add(number);
        followed.newestMs = Math.max(followed.newestMs, msOf(number));
        for (const take of followed.takers) take(text);
      }
      const last = notices.at(-1);
      if (last === undefined || notices.length < NOTICES_MAX) break;
      after = last.number;
    }
    for (const number of followed.seen) if (msOf(number) < followed.newestMs - OVERLAP_MS) followed.seen.delete(number);
  }
}

function msOf(number: string): number {
  return Number.parseInt(number, 10) || 0;
}
