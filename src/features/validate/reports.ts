import type { FeatureContext } from "../../proxy/feature/feature.ts";
import type { ExchangeView } from "../../proxy/feature/middleware.ts";
import { wordsOf } from "./refusals.ts";
import type { Refusal } from "./refusals.ts";

/** Time between two lines of the log: a client may send as many wrong requests as it likes. */
const LINE_EVERY_MS = 1000;

/** Tells of messages that are passed on although they are wrong: each is counted once, and some are logged. */
export class Reports {
  private readonly context: FeatureContext;
  private readonly reported: WeakSet<ExchangeView> = new WeakSet();
  private nextLineMs: number = -Infinity;
  /** Reports since the last line. */
  private unsaid: number = 0;

  constructor(context: FeatureContext) {
    this.context = context;
  }

  has(exchange: ExchangeView): boolean {
    return this.reported.has(exchange);
  }

  add(exchange: ExchangeView, message: "request" | "response", refusal: Refusal): void {
    if (this.reported.has(exchange)) return;
    this.reported.add(exchange);
    const { count, now, report, route } = this.context;
    count("validation_reported");
    if (now() < this.nextLineMs) {
      this.unsaid++;
      return;
    }
    const more = this.unsaid === 0 ? "" : ` (and ${this.unsaid} others since the last line)`;
    this.unsaid = 0;
    this.nextLineMs = now() + LINE_EVERY_MS;
    const text = `a ${message} that is not as the API's description says was passed on${more}`;
    report("warn", "validation_reported", text, { route: route.label, fault: wordsOf(refusal) });
  }
}
