/** Puts everything that was forwarded before one judge. */
import type { StrictRequest } from "../strict-requests.ts";
import { expectedOf, judgeAlone, judgeMessages, judgeUnfinished, shownSeen } from "./judge.ts";
import type { Judge, JudgeKind, Judgement } from "./judge.ts";

/** Requests on one connection: many, so that a byte too much or too little in one of them shows in the next. */
const BATCH = 64;

/** After so many differences no more are looked for: a judge that waits for bytes takes its time over each. */
const PROBLEMS_MAX = 5;

/** How the judge reads otherwise than the strict reader did: sequences, methods, targets, bodies. */
export async function judgeAll(kind: JudgeKind, complete: readonly StrictRequest[], unfinished: readonly string[]): Promise<string[]> {
  const judge = await kind.start();
  try {
    const different = [...new Map(complete.map((request) => [wireOf(request), request])).values()];
    const limited = different.filter((request) => kind.limits.some((limit) => limit.applies(request)));
    const plain = different.filter((request) => !limited.includes(request));
    const problems: string[] = [];
    for (let at = 0; at < plain.length && problems.length < PROBLEMS_MAX; at += BATCH)
      problems.push(...(await judgeBatch(judge, plain.slice(at, at + BATCH))));
    for (const request of limited) {
      const alone = kind.limits.some((limit) => limit.nothingBehind === true && limit.applies(request));
      problems.push(...(await judgeLimited(judge, request, alone)));
      if (problems.length >= PROBLEMS_MAX) break;
    }
    for (const rest of new Set(unfinished)) {
      const { seen } = await judgeUnfinished(judge, rest);
      if (seen.length > 0) problems.push(`${seen.length} requests in an unfinished one: ${JSON.stringify(rest)}`);
    }
    return problems;
  } finally {
    await judge.stop();
  }
}

/** The bytes as they were forwarded. */
function wireOf({ wire }: StrictRequest): string {
  return wire;
}

async function judgeBatch(judge: Judge, requests: readonly StrictRequest[]): Promise<string[]> {
  const whole = await judgeMessages(judge, requests.map(wireOf).join(""));
  if (agrees(whole, requests)) return [];
  const problems: string[] = [];
  for (const request of requests) {
    const alone = await judgeMessages(judge, wireOf(request));
    if (!agrees(alone, [request])) problems.push(report(request, alone));
  }
  return problems.length > 0
    ? problems
    : [`only together read otherwise: ${JSON.stringify(requests.map(wireOf))}, answered ${JSON.stringify(whole.received)}`];
}

/** A request that this judge need not take: it takes it as what it is, or refuses it and reads nothing behind it. */
async function judgeLimited(judge: Judge, request: StrictRequest, nothingBehind: boolean): Promise<string[]> {
  const alone = await (nothingBehind ? judgeAlone : judgeMessages)(judge, wireOf(request));
  const refused = alone.seen.length === 0 && (nothingBehind || !alone.reachedEnd) && /^HTTP\/1\.[01] [45]/.test(alone.received);
  return refused || agrees(alone, [request]) ? [] : [report(request, alone)];
}

function agrees({ seen, reachedEnd }: Judgement, requests: readonly StrictRequest[]): boolean {
  return reachedEnd && seen.map(shownSeen).join("\n") === requests.map(expectedOf).join("\n");
}

function report(request: StrictRequest, { seen, received }: Judgement): string {
  return `${JSON.stringify(wireOf(request).slice(0, 1500))}\n    read as ${seen.map(shownSeen).join(" ")}\n    answered ${JSON.stringify(received.slice(0, 500))}`;
}
