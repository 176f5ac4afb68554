import type { RequestHead } from "../../http/request-head.ts";
import type { ExchangeView } from "./middleware.ts";

/** What a hook sees where there is a request and no exchange: `explain`, tests and benchmarks of single hooks. There is no body to collect. */
export class LoneView implements ExchangeView {
  readonly request: RequestHead;
  client: string;
  readonly startedAtMs: number;
  readonly signal: AbortSignal = new AbortController().signal;

  constructor(request: RequestHead, client: string, startedAtMs: number = 0) {
    this.request = request;
    this.client = client;
    this.startedAtMs = startedAtMs;
  }

  collectBody(): Promise<null> {
    return Promise.resolve(null);
  }
}
