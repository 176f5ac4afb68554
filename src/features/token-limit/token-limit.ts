/** Limits the tokens of language models: takes an estimate when a request comes, and settles what its answer has cost when that has passed. */
import type { ResponseHead } from "../../http/response-head.ts";
import { isEncoded, lengthIn, mediaType } from "../../http/content.ts";
import { EventData } from "../../policy/tokens/event-data.ts";
import { countedTokens, tokenUse } from "../../policy/tokens/token-use.ts";
import type { CountedTokens } from "../../policy/tokens/token-use.ts";
import { UsageScanner } from "../../policy/tokens/usage-scanner.ts";
import { fieldLine } from "../../http/field-edits.ts";
import { ExchangeState } from "../../proxy/feature/exchange-state.ts";
import type { Feature } from "../../proxy/feature/feature.ts";
import { limitId, limitKey } from "../../proxy/feature/limit-key.ts";
import type { LimiterThread } from "../../proxy/feature/limiter.ts";
import type { ExchangeView, FinishedExchange, Middleware } from "../../proxy/feature/middleware.ts";
import type { Moment } from "../../proxy/feature/window-limiter.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { tokenLimitFacts } from "./facts.ts";
import type { TokenLimit, TokenLimitConfig } from "./schema.ts";
import { TokenAllowance } from "./token-allowance.ts";
import type { Taken } from "./token-allowance.ts";
import { UsageStage } from "./usage-stage.ts";

export const tokenLimit: Feature<"token_limit"> = {
  name: "token-limit",
  key: "token_limit",
  facts: tokenLimitFacts,
  compile: (config, { route, ...thread }) => tokenLimitMiddleware(config, thread, route.key()),
};

/** One limit of a route. */
interface Counted {
  readonly keyOf: (exchange: ExchangeView) => string;
  readonly count: CountedTokens;
  /** By role, in the order of the file. */
  readonly byRole: readonly (readonly [role: string, allowance: TokenAllowance])[];
  readonly base: TokenAllowance;
}

/** What is to be settled for one limit. */
interface Held {
  readonly allowance: TokenAllowance;
  readonly count: CountedTokens;
  readonly taken: Taken;
}

/** An exchange, as far as it tells what it has cost. */
class Course {
  readonly held: readonly Held[];
  wasSent: boolean = false;
  status: number = 0;
  /** Reads the response; null: it cannot be read. */
  stage: UsageStage | null = null;

  constructor(held: readonly Held[]) {
    this.held = held;
  }
}

/** An origin must not compress what is read here. No coding is as good as this one: without the field, any may be sent (RFC 9110 section 12.5.3). */
const PLAIN = fieldLine("Accept-Encoding", "identity");

/** @param routeId names the route's buckets in the table */
export function tokenLimitMiddleware(config: TokenLimitConfig, thread: LimiterThread, routeId: string): Middleware {
  const counts = config.map(({ key, count }) => ({ key: [count, ...key] }));
  const limits = config.map((limit, index) => counted(limit, index, thread, limitId(counts, index, `${routeId}\ntokens`)));
  const courses = new ExchangeState<Course>();
  return {
    name: "token-limit",
    onRequest(exchange) {
      const moment: Moment = { nowMs: thread.now(), epochMs: exchange.startedAtMs };
      const held: Held[] = [];
      for (const limit of limits) {
        const refusal = take(limit, exchange, moment, held);
        if (refusal === null) continue;
        // Whoever is refused by one limit uses up nothing of the others.
        for (const { allowance, taken } of held) allowance.settle(taken, moment, 0);
        return refusal;
      }
      courses.keep(exchange, new Course(held));
      return null;
    },
    onUpstreamRequest(exchange, request) {
      request.remove("accept-encoding");
      request.remove("range");
      request.remove("if-range");
      request.appendLines(PLAIN);
      const course = courses.of(exchange);
      if (course !== undefined && (exchange.original ?? null) === null) course.wasSent = true;
    },
    onResponse(exchange, { head }) {
      const course = courses.of(exchange);
      if (course === undefined || head === null) return null;
      course.status = head.status;
      course.stage = stageFor(head);
      return course.stage;
    },
    onFinish(exchange) {
      const course = courses.of(exchange);
      if (course === undefined) return;
      const use = tokenUse(courseOf(course, exchange));
      if (use !== null) exchange.spend(use);
      const moment: Moment = { nowMs: thread.now(), epochMs: exchange.startedAtMs + exchange.durationMs };
      for (const { allowance, count, taken } of course.held) allowance.settle(taken, moment, countedTokens(use, count, allowance.estimate));
    },
  };
}

/** Takes the estimate of one limit. Gives the answer to a request for which it is not left. */
function take({ keyOf, count, byRole, base }: Counted, exchange: ExchangeView, moment: Moment, held: Held[]): LocalAnswer | null {
  const { identity } = exchange;
  const allowance = identity === null ? base : (byRole.find(([role]) => identity.roles.includes(role))?.[1] ?? base);
  const result = allowance.take(keyOf(exchange), moment);
  if (result.refusal === null) held.push({ allowance, count, taken: result.taken });
  return result.refusal;
}

/** What reads the body of a response; null: nothing in it can be read. */
function stageFor(head: ResponseHead): UsageStage | null {
  const type = mediaType(head);
  const isStream = type === "text/event-stream";
  if (head.status < 200 || head.status > 299 || isEncoded(head)) return null;
  if (!isStream && type !== "application/json" && !type.endsWith("+json")) return null;
  const usage = new UsageScanner();
  return new UsageStage(lengthIn(head), usage, isStream ? new EventData(usage) : usage);
}

function courseOf({ wasSent, status, stage }: Course, { request, bytesReceived }: FinishedExchange): Parameters<typeof tokenUse>[0] {
  return {
    wasSent,
    status,
    isSafe: SAFE.has(request.method),
    isWhole: stage?.isWhole ?? false,
    input: stage?.usage.input ?? 0,
    output: stage?.usage.output ?? 0,
    requestBytes: Math.max(0, bytesReceived - request.size),
    wordBytes: stage?.usage.wordBytes ?? 0,
  };
}

/** RFC 9110 section 9.2.1. */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

function counted({ key, count, estimate, roles, ...allowance }: TokenLimit, index: number, thread: LimiterThread, id: string): Counted {
  const name = index === 0 ? "tokens" : `tokens-${index + 1}`;
  return {
    keyOf: limitKey(key),
    count,
    byRole: Object.entries(roles).map(
      ([role, other]) => [role, new TokenAllowance(other, estimate, thread, `${id}\nrole ${role}`, name)] as const,
    ),
    base: new TokenAllowance(allowance, estimate, thread, id, name),
  };
}
