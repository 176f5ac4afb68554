import { Timed } from "../../base/deadlines.ts";
import * as answers from "./answers.ts";
import type { Exchange } from "./exchange.ts";

/** The time limit of a whole exchange: `timeouts.request` of its route. */
export class RequestLimit extends Timed {
  private readonly exchange: Exchange;

  constructor(exchange: Exchange, ms: number) {
    super();
    this.exchange = exchange;
    exchange.thread.deadlines.set(this, exchange.startedAt + ms);
  }

  onDeadline(): void {
    this.exchange.requestFailed(answers.EXCHANGE_TIMEOUT);
  }

  /** The exchange is over, or has become a tunnel. */
  end(): void {
    this.exchange.thread.deadlines.remove(this);
  }
}
