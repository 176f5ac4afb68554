/** One exchange as the client sees it: takes the response, compares it with the plan byte by byte, and says how it ended. */
import type { Buffer } from "node:buffer";
import { Content } from "./content.ts";
import { hasBody } from "./plan.ts";
import type { Outcome, Plan } from "./plan.ts";
import type { Receiver } from "./response-reader.ts";

/** `unanswered`: pipelined behind one whose answer was the connection's last. */
export type Ended = Outcome | "unanswered";

/**
 * What the access log must say of it: exactly one line with its path; one line without a path, because the fault is in the request line;
 * none; or `maybe` one of either kind, where a reset may have overtaken the request.
 */
export type LogLine = "one" | "nameless" | "none" | "maybe" | "maybe nameless";

export class ClientExchange implements Receiver {
  readonly plan: Plan;
  readonly startedAt: number;
  readonly problems: string[] = [];
  readonly done: Promise<void>;
  /** Of the final response; 0 before it. */
  status: number = 0;
  /** The response is the connection's last. */
  closes: boolean = false;
  interims: number = 0;
  bodyBytes: number = 0;
  ended: Ended | null = null;
  /** What holds if no response head comes. */
  unansweredLine: LogLine = "maybe";
  /** Called whenever something of the response came, and at the end. */
  onProgress: () => void = () => {};
  /** Ends the connection under it. */
  giveUp: () => void = () => {};
  private fromOrigin: boolean = false;
  private readonly content: Content;
  private resolve: () => void = () => {};

  constructor(plan: Plan, now: number) {
    this.plan = plan;
    this.startedAt = now;
    this.content = new Content(plan.seed, "response", plan.answer.bytes);
    this.done = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  get toHead(): boolean {
    return this.plan.method === "HEAD";
  }

  get line(): LogLine {
    if (this.ended === "unanswered") return "none";
    if (this.status === 0) return this.unansweredLine;
    return this.plan.client.do === "hostile" && this.plan.client.hostile.nameless ? "nameless" : "one";
  }

  interim(): void {
    this.interims++;
    this.onProgress();
  }

  head(status: number, fields: ReadonlyMap<string, string>): void {
    const { plan } = this;
    this.status = status;
    const seed = fields.get("x-seed");
    this.fromOrigin = seed !== undefined;
    this.closes = plan.minor === 0 || fields.get("connection") === "close";
    if (plan.minor === 0 && fields.get("connection") !== "close") this.problem("an HTTP/1.0 client is not told that its connection closes");
    if (!this.fromOrigin) return this.onProgress();
    if (seed !== String(plan.seed)) this.problem(`the head of exchange ${seed ?? ""}`);
    if (status !== plan.answer.status) this.problem(`status ${status} instead of ${plan.answer.status}`);
    // An early answer may come when some of the upload is there.
    if (plan.deed.do !== "early" && fields.get("x-digest") !== uploadDigest(plan))
      this.problem(`the origin got ${fields.get("x-digest") ?? ""}`);
    const length = fields.get("content-length");
    if (plan.answer.framing === "length" && status !== 204 && length !== String(plan.answer.bytes))
      this.problem(`Content-Length ${length ?? ""}`);
    this.onProgress();
  }

  body(piece: Buffer): void {
    if (this.fromOrigin && !this.content.holds(this.bodyBytes, piece)) this.problem(`foreign bytes in the body at ${this.bodyBytes}`);
    this.bodyBytes += piece.length;
    this.onProgress();
  }

  whole(trailers: readonly string[]): void {
    const { plan } = this;
    if (!this.fromOrigin) return this.end(`own ${this.status}`);
    const bytes = hasBody(plan) ? plan.answer.bytes : 0;
    if (this.bodyBytes !== bytes) this.problem(`a fake end after ${this.bodyBytes} of ${bytes} bytes`);
    const wanted = plan.answer.trailers && plan.minor === 1 && hasBody(plan) ? `X-Trailer: ${plan.seed}` : "";
    if (trailers.join() !== wanted) this.problem(`trailers ${JSON.stringify(trailers)}`);
    this.checkInterims();
    this.end(`${this.status}`);
  }

  /** It is over; later calls change nothing. */
  end(how: Ended): void {
    if (this.ended !== null) return;
    this.ended = how;
    if (how !== "unanswered" && !this.plan.outcomes.includes(how))
      this.problem(`it ended with ${how}, not with ${this.plan.outcomes.join(" or ")}`);
    this.resolve();
    this.onProgress();
  }

  problem(text: string): void {
    this.problems.push(`${this.plan.kind}/${this.plan.seed}: ${text}`);
  }

  /** RFC 9110 section 15.2: interim responses pass, but not to HTTP/1.0. */
  private checkInterims(): void {
    const { deed, client, minor } = this.plan;
    // After a half-close the proxy asks by interim responses whether the client is there.
    if (client.do === "half-close") return;
    const sent = deed.do === "interims" ? deed.statuses.length : client.do === "expect" && deed.do !== "early" ? 1 : 0;
    const expected = minor === 0 ? 0 : sent;
    if (this.interims !== expected) this.problem(`${this.interims} interim responses instead of ${expected}`);
  }
}

function uploadDigest({ seed, upload }: Plan): string {
  return new Content(seed, "request", upload?.bytes ?? 0).digest();
}
