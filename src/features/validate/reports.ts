import { ExchangeState } from "../../proxy/feature/exchange-state.ts";
import type { FeatureContext } from "../../proxy/feature/feature.ts";
import type { ExchangeView } from "../../proxy/feature/middleware.ts";
import { wordsOf } from "./refusals.ts";
import type { Refusal } from "./refusals.ts";

/** Time between two lines of the application log: a client may send as many wrong requests as it likes. */
const LINE_EVERY_MS = 1000;

type Message = "request" | "response";

/** Tells of messages that are passed on although they are wrong: each is counted once and noted for the access log, and some are told in the application log. */
export class Reports {
  private readonly context: FeatureContext;
  private readonly told: ExchangeState<readonly Message[]> = new ExchangeState();
  private nextLineMs: number = -Infinity;
  /** Reports since the last line. */
  private unsaid: number = 0;

  constructor(context: FeatureContext) {
    this.context = context;
  }

  has(exchange: ExchangeView, message: Message): boolean {
    return this.told.of(exchange)?.includes(message) === true;
  }

  add(exchange: ExchangeView, message: Message, refusal: Refusal): void {
    if (this.has(exchange, message)) return;
    const before = this.told.of(exchange) ?? [];
    this.told.keep(exchange, [...before, message]);
    const { count, now, report, route } = this.context;
    count("validation_reported");
    const fault = `${message === "request" ? "" : "response "}${wordsOf(refusal)}`;
    exchange.noteFault(exchange.fault === "" ? fault : `${exchange.fault}, ${fault}`);
    if (now() < this.nextLineMs) {
      this.unsaid++;
      return;
    }
    const more = this.unsaid === 0 ? "" : ` (and ${this.unsaid} others since the last line)`;
    this.unsaid = 0;
    this.nextLineMs = now() + LINE_EVERY_MS;
    report("warn", "validation_reported", `a ${message} that is not as the API's description says was passed on${more}`, {
      route: route.label,
      fault,
    });
  }
}
