/** What the clients saw, exchange by exchange: outcomes by kind, what was wrong, and what the access log must say. */
import type { ClientExchange, LogLine } from "./client-exchange.ts";
import type { TunnelEnd } from "./tunnel-client.ts";
import type { TunnelPlan } from "./tunnel-plan.ts";

/** What the access log must say of one request. */
export interface Expected {
  readonly line: LogLine;
  /** Status that the client saw; 0: none. */
  readonly status: number;
  /** Whether the log must call it completed; null: it may. */
  readonly completed: boolean | null;
  readonly name: string;
}

const VIOLATIONS_KEPT = 60;
/** No exchange may take longer: the longest limits of the proxy, a stalled client's patience and much slack for a loaded machine. */
const EXCHANGE_MS_MAX = 30_000;

export class Books {
  /** By path. */
  readonly expected: Map<string, Expected> = new Map();
  readonly violations: string[] = [];
  violationsTotal: number = 0;
  exchanges: number = 0;
  tunnels: number = 0;
  /** Tunnels whose 101 the client saw. */
  tunnelsOpened: number = 0;
  readonly outcomes: Map<string, Map<string, number>> = new Map();
  private readonly active: Set<ClientExchange> = new Set();

  violation(text: string): void {
    this.violationsTotal++;
    if (this.violations.length < VIOLATIONS_KEPT) this.violations.push(text);
  }

  begin(exchange: ClientExchange): ClientExchange {
    this.active.add(exchange);
    return exchange;
  }

  finished(exchange: ClientExchange): void {
    if (!this.active.delete(exchange)) return;
    const { plan, ended, line, status } = exchange;
    this.exchanges++;
    this.count(plan.kind, ended ?? "endless");
    for (const problem of exchange.problems) this.violation(problem);
    const whole = ended === String(plan.answer.status);
    const completed = whole ? true : ended === "left" || ended === "closed" ? null : false;
    this.expected.set(`/${plan.route}/${plan.seed}`, { line, status, completed, name: `${plan.kind}/${plan.seed} (${ended ?? ""})` });
  }

  tunnelFinished(plan: TunnelPlan, { status, problems }: TunnelEnd): void {
    this.tunnels++;
    if (status === 101) this.tunnelsOpened++;
    this.count(`tunnel ${plan.mode}`, String(status));
    for (const problem of problems) this.violation(problem);
    this.expected.set(plan.path, {
      line: status === 0 ? "maybe" : "one",
      status,
      completed: null,
      name: `tunnel ${plan.seed} (${plan.mode})`,
    });
  }

  /** Ends what takes too long. */
  sweep(now: number): void {
    for (const exchange of this.active) {
      if (now - exchange.startedAt < EXCHANGE_MS_MAX) continue;
      exchange.problem(`no end after ${EXCHANGE_MS_MAX} ms`);
      exchange.end("closed");
      exchange.giveUp();
    }
  }

  private count(kind: string, outcome: string): void {
    const counts = this.outcomes.get(kind) ?? new Map<string, number>();
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    this.outcomes.set(kind, counts);
  }
}
