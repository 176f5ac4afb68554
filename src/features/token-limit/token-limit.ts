/** Limits the tokens of language models: takes an estimate when a request comes, and settles what its answer has cost when that has passed. */
import type { ResponseHead } from "../../http/response-head.ts";
import { isEncoded, lengthIn, mediaType } from "../../http/content.ts";
import { EventData } from "../../policy/tokens/event-data.ts";
import { countedTokens, tokenUse } from "../../policy/tokens/token-use.ts";
import type { CountedTokens, TokenUse } from "../../policy/tokens/token-use.ts";
import { UsageScanner } from "../../policy/tokens/usage-scanner.ts";
import { fieldLine } from "../../http/field-edits.ts";
import { ExchangeState } from "../../proxy/feature/exchange-state.ts";
import type { Feature } from "../../proxy/feature/feature.ts";
import { limitId, limitKey } from "../../proxy/feature/limit-key.ts";
import type { ExchangeView, FinishedExchange, Middleware } from "../../proxy/feature/middleware.ts";
import type { Moment } from "../../proxy/feature/window-limiter.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { tokenLimitFacts } from "./facts.ts";
import type { TokenLimit, TokenLimitConfig } from "./schema.ts";
import { TokenAllowance } from "./token-allowance.ts";
import type { Taken, TakeResult, TokenThread } from "./token-allowance.ts";
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
  readonly held: Held[] = [];
  wasSent: boolean = false;
  status: number = 0;
  /** Reads the response; null: it cannot be read. */
  stage: UsageStage | null = null;
  isOver: boolean = false;

  /** Counts what the exchange has cost in the place of what was taken; null: gives that back. A store that is still being asked may take more afterwards. */
  settle(moment: Moment, use: TokenUse | null): void {
    for (const { allowance, count, taken } of this.held) allowance.settle(taken, moment, countedTokens(use, count, allowance.estimate));
    this.held.length = 0;
  }
}

/** An origin must not compress what is read here. Without the field it might: then any coding may be sent (RFC 9110 section 12.5.3). */
const PLAIN = fieldLine("Accept-Encoding", "identity");

/** @param routeId names the route's buckets in the table */
export function tokenLimitMiddleware(config: TokenLimitConfig, thread: TokenThread, routeId: string): Middleware {
  const counts = config.map(({ key, count }) => ({ key: [count, ...key] }));
  const limits = config.map((limit, index) => counted(limit, index, thread, limitId(counts, index, `${routeId}\ntokens`)));
  const courses = new ExchangeState<Course>();
  const own = limits.filter(({ base }) => !base.isShared);
  const shared = limits.filter(({ base }) => base.isShared);
  return {
    name: "token-limit",
    onRequest(exchange) {
      const moment: Moment = { nowMs: thread.now(), epochMs: exchange.startedAtMs };
      const course = new Course();
      // Those of this process come first, because they cost nothing: whoever they refuse is not asked for in a store.
      for (const limit of own) {
        const { allowance, key } = sought(limit, exchange);
        const refusal = noted(allowance.take(key, moment), allowance, limit, course);
        if (refusal === null) continue;
        // Whoever is refused by one limit uses up nothing of the others.
        course.settle(moment, null);
        return refusal;
      }
      courses.keep(exchange, course);
      return shared.length === 0 ? null : askStores(shared, exchange, course, moment, thread.now);
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
      course.isOver = true;
      const use = tokenUse(courseOf(course, exchange));
      if (use !== null) exchange.spend(use);
      const moment: Moment = { nowMs: thread.now(), epochMs: exchange.startedAtMs + exchange.durationMs };
      course.settle(moment, use);
    },
  };
}

/** Which allowance of a limit an exchange takes from, and under which key. */
function sought({ keyOf, byRole, base }: Counted, exchange: ExchangeView): { readonly allowance: TokenAllowance; readonly key: string } {
  const { identity } = exchange;
  const allowance = identity === null ? base : (byRole.find(([role]) => identity.roles.includes(role))?.[1] ?? base);
  return { allowance, key: keyOf(exchange) };
}

/** Notes what was taken. Gives the answer to a request for which not enough was left. */
function noted({ taken, refusal }: TakeResult, allowance: TokenAllowance, { count }: Counted, course: Course): LocalAnswer | null {
  if (taken !== null) course.held.push({ allowance, count, taken });
  return refusal;
}

/** Takes the estimates of the limits in stores, which are asked all at the same time. */
function askStores(
  limits: readonly Counted[],
  exchange: ExchangeView,
  course: Course,
  moment: Moment,
  now: () => number,
): LocalAnswer | null | Promise<LocalAnswer | null> {
  const asked = limits.map((limit) => {
    const { allowance, key } = sought(limit, exchange);
    const result = allowance.ask(key, moment);
    const note = (answer: TakeResult): LocalAnswer | null => noted(answer, allowance, limit, course);
    return result instanceof Promise ? result.then(note) : note(result);
  });
  const settled = (refusals: readonly (LocalAnswer | null)[]): LocalAnswer | null => {
    const refusal = refusals.find((each) => each !== null) ?? null;
    // Whose client has left meanwhile is over: nothing will be settled any more.
    if (refusal !== null || course.isOver) course.settle({ nowMs: now(), epochMs: moment.epochMs }, null);
    return refusal;
  };
  return asked.every(isThere) ? settled(asked) : Promise.all(asked.map(async (each) => each)).then(settled);
}

function isThere(refusal: LocalAnswer | null | Promise<LocalAnswer | null>): refusal is LocalAnswer | null {
  return !(refusal instanceof Promise);
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

function counted(
  { key, count, estimate, store, roles, ...allowance }: TokenLimit,
  index: number,
  thread: TokenThread,
  id: string,
): Counted {
  const of = { estimate, store };
  const name = index === 0 ? "tokens" : `tokens-${index + 1}`;
  return {
    keyOf: limitKey(key),
    count,
    byRole: Object.entries(roles).map(
      ([role, other]) => [role, new TokenAllowance(other, of, thread, `${id}\nrole ${role}`, name)] as const,
    ),
    base: new TokenAllowance(allowance, of, thread, id, name),
  };
}
