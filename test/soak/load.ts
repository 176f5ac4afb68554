/** Drives the clients: so many exchanges and tunnels, so many at a time, the tunnels spread evenly among the exchanges. */
import type { Books } from "./books.ts";
import { KindDraw, planOf } from "./kinds.ts";
import { runLane } from "./lane.ts";
import type { Plan } from "./plan.ts";
import type { ProxyProcess } from "./proxy-process.ts";
import { Random } from "./random.ts";
import { runTunnel } from "./tunnel-client.ts";
import { tunnelPlanOf } from "./tunnel-plan.ts";

export interface LoadOptions {
  readonly seed: number;
  readonly concurrency: number;
  readonly limitMs: number;
  readonly only?: string | undefined;
  readonly onProgress: (line: string) => void;
}

/** Seeds of one run lie in a range of their own: exchanges in its lower half, tunnels in its upper. */
const SEEDS_PER_RUN = 2 ** 30;
/** Run seeds are below: twice an exchange's seed must be a number that is exact. */
export const RUN_SEED_END: number = 2 ** 20;
const TUNNELS_AT_ONCE = 8;
const PROGRESS_MS = 5000;

export class Load {
  private readonly options: LoadOptions;
  private readonly proxy: ProxyProcess;
  private readonly books: Books;
  private readonly draw: KindDraw;
  private readonly random: Random;
  private readonly firstSeed: number;
  private planned: number = 0;
  private tunnelsPlanned: number = 0;

  constructor(options: LoadOptions, proxy: ProxyProcess, books: Books) {
    this.options = options;
    this.proxy = proxy;
    this.books = books;
    this.draw = new KindDraw(options.only);
    this.random = new Random(options.seed);
    this.firstSeed = options.seed * SEEDS_PER_RUN;
  }

  async run(exchanges: number, tunnels: number): Promise<void> {
    const { books, options, proxy } = this;
    const startedAt = performance.now();
    const exchangesBefore = books.exchanges;
    const last = this.planned + exchanges;
    const late = (): boolean => performance.now() - startedAt > options.limitMs || !proxy.running;
    const next = (): Plan | null => {
      if (this.planned >= last || late()) return null;
      return planOf(this.draw.draw(this.random), this.firstSeed + this.planned++);
    };
    const progress = setInterval(() => void this.report(startedAt, exchangesBefore, exchanges), PROGRESS_MS);
    const sweep = setInterval(() => books.sweep(performance.now()), 1000);
    const lanes = Array.from({ length: options.concurrency }, (_, index) =>
      runLane({ door: proxy.door, books, random: new Random(options.seed + index), next }),
    );
    const tunnelLanes = this.tunnels(tunnels, () => (exchanges === 0 ? 1 : (books.exchanges - exchangesBefore) / exchanges), late);
    try {
      await Promise.all([...lanes, ...tunnelLanes]);
    } finally {
      clearInterval(progress);
      clearInterval(sweep);
    }
    if (!proxy.running) throw new Error(`the proxy ended: ${proxy.printed().slice(-2000)}`);
    if (this.planned < last) books.violation(`only ${this.planned} exchanges of ${last} within ${options.limitMs} ms`);
  }

  /** @param share of the exchanges that are done */
  private tunnels(count: number, share: () => number, late: () => boolean): Promise<void>[] {
    const first = this.tunnelsPlanned;
    const lane = async (): Promise<void> => {
      while (this.tunnelsPlanned < first + count && !late()) {
        if (this.tunnelsPlanned - first > share() * count) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          continue;
        }
        const plan = tunnelPlanOf(this.firstSeed + SEEDS_PER_RUN / 2 + this.tunnelsPlanned++);
        this.books.tunnelFinished(plan, await runTunnel(this.proxy.door, plan));
      }
    };
    return Array.from({ length: TUNNELS_AT_ONCE }, lane);
  }

  private async report(startedAt: number, before: number, total: number): Promise<void> {
    const { books } = this;
    const seconds = (performance.now() - startedAt) / 1000;
    const done = books.exchanges - before;
    const rss = Math.round((await this.proxy.rssBytes()) / 1024 ** 2);
    this.options.onProgress(
      `${Math.round(seconds)} s: ${done} of ${total} exchanges, ${Math.round(done / seconds)} a second, ${books.tunnels} tunnels, ` +
        `${books.violationsTotal} violations, proxy at ${rss} MiB`,
    );
  }
}
