/**
 * Calls the hooks of an exchange's middleware, from the request that an endpoint gets to the end of the exchange. The hooks before that are
 * called by admission.ts. An error that a hook throws is reported, and affects this exchange only.
 */
import type { BodyLength } from "../../http/body-length.ts";
import type { RequestEdits, ResponseEdits } from "../../http/head-edits.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import type { Middleware, UpstreamResult } from "../feature/middleware.ts";
import { isHold } from "../feature/response-hold.ts";
import type { ResponseHold } from "../feature/response-hold.ts";
import type { ResponseSource } from "../feature/response-source.ts";
import type { LocalAnswer } from "../local-answer.ts";
import type { UpstreamStream } from "../ports/upstream-stream.ts";
import { insteadOfResponse } from "./attempts.ts";
import { BodyPipe, namedStage } from "./body-pipe.ts";
import type { NamedStage } from "./body-pipe.ts";
import type { Exchange } from "./exchange.ts";
import { HeldResponse } from "./held-response.ts";

/** Calls the `onUpstreamRequest` hooks. Returns false if one threw, which ends the exchange. */
export function editRequest(exchange: Exchange, hooks: readonly Middleware[], to: UpstreamStream, edits: RequestEdits): boolean {
  let name = "";
  try {
    let stages: NamedStage[] | null = null;
    for (let index = 0; index < hooks.length; index++) {
      const hook = hooks[index];
      name = hook?.name ?? "";
      const stage = hook?.onUpstreamRequest?.(exchange, edits) ?? null;
      if (stage !== null && exchange.requestLength !== 0) (stages ??= []).push(namedStage(stage, name));
    }
    noteMethod(exchange, edits.method);
    if (stages !== null) stageRequest(exchange, stages, to, edits);
    return true;
  } catch (error) {
    exchange.hookFailed(error, name);
    return false;
  }
}

/** Notes the method that middleware has set, if it has. Throws if the change could change whether the response has a body. */
function noteMethod(exchange: Exchange, method: string | null): void {
  if (method === null) return;
  const { request } = exchange;
  if ((method === "HEAD") !== (request.method === "HEAD")) throw new TypeError(`${request.method} cannot become ${method}`);
  exchange.detour.method = method;
}

function stageRequest(exchange: Exchange, stages: readonly NamedStage[], to: UpstreamStream, edits: RequestEdits): void {
  const pipe = new BodyPipe(stages, to, exchange, exchange.thread);
  exchange.detour.request = pipe;
  edits.bodyLength = pipe.length;
}

/**
 * Calls the `onUpstreamResponse` hooks. Returns true if the result of the attempt is not used: another attempt follows, a source answers, or a
 * hook threw.
 */
export function isTurnedDown(exchange: Exchange, hooks: readonly Middleware[], result: UpstreamResult): boolean {
  for (let index = 0; index < hooks.length; index++) {
    let verdict: "retry" | ResponseSource | null;
    try {
      verdict = hooks[index]?.onUpstreamResponse?.(exchange, result) ?? null;
    } catch (error) {
      exchange.hookFailed(error, hooks[index]?.name ?? "");
      return true;
    }
    // The hook may have ended the exchange, by making a stage of the request's body fail.
    if (exchange.finished) return true;
    if (verdict === null) continue;
    if (verdict === "retry") return result.head !== null && insteadOfResponse(exchange);
    exchange.dropUpstream();
    exchange.answerFrom(verdict, hooks[index]?.name ?? "");
    return true;
  }
  return false;
}

/**
 * Calls the `judgeResponse` hooks. Returns true if the response does not go on for now: it is held back, a hook has answered in its place, or one
 * threw.
 */
export function isJudged(exchange: Exchange, hooks: readonly Middleware[], head: ResponseHead, length: BodyLength): boolean {
  for (let index = 0; index < hooks.length; index++) {
    const middleware = hooks[index]?.name ?? "";
    let verdict: LocalAnswer | ResponseHold | null;
    try {
      verdict = hooks[index]?.judgeResponse?.(exchange, head) ?? null;
    } catch (error) {
      exchange.hookFailed(error, middleware);
      return true;
    }
    if (verdict === null) continue;
    if (!isHold(verdict)) {
      exchange.answer(verdict, middleware);
      return true;
    }
    if (length === 0) return false;
    exchange.detour.held = new HeldResponse(verdict, middleware, head, length, exchange, exchange.thread);
    return true;
  }
  return false;
}

/**
 * Calls the `onResponse` hooks. Returns the stages for the body; null: there are none. If a hook throws, the exchange ends, because the response
 * must not go out without the changes: they may hide a secret. An answer of the proxy's own goes out all the same, with the edits of the other
 * hooks.
 * @param head null for an answer of the proxy's own
 */
export function editResponse(exchange: Exchange, head: ResponseHead | null, edits: ResponseEdits): NamedStage[] | null {
  const hooks = exchange.route?.hooks.onResponse;
  if (hooks === undefined || hooks.length === 0) return null;
  let stages: NamedStage[] | null = null;
  for (let index = 0; index < hooks.length; index++) {
    const middleware = hooks[index]?.name ?? "";
    try {
      const stage = hooks[index]?.onResponse?.(exchange, edits) ?? null;
      if (stage !== null && head !== null) (stages ??= []).push(namedStage(stage, middleware));
    } catch (error) {
      if (head === null) exchange.reportHook(error, middleware);
      else {
        exchange.hookFailed(error, middleware);
        return null;
      }
    }
  }
  return stages;
}

/** Calls the `onAnswer` hooks. Returns the answer to send: the given one, or one that a hook puts in its place. */
export function answerInPlaceOf(exchange: Exchange, given: LocalAnswer): LocalAnswer {
  const { route } = exchange;
  // For a request that no route of the configuration has taken, the hooks are those of the whole configuration.
  const hooks = route === null || route.index < 0 ? exchange.snapshot.onAnswer : route.hooks.onAnswer;
  let answer = given;
  for (let index = 0; index < hooks.length && !exchange.isBackground; index++) {
    try {
      answer = hooks[index]?.onAnswer?.(exchange, answer) ?? answer;
    } catch (error) {
      exchange.reportHook(error, hooks[index]?.name ?? "");
    }
  }
  return answer;
}

/** Calls the `onFinish` hooks. */
export function tellFinished(exchange: Exchange): void {
  const hooks = exchange.route?.hooks.onFinish;
  if (hooks === undefined) return;
  for (let index = 0; index < hooks.length; index++) {
    try {
      hooks[index]?.onFinish?.(exchange);
    } catch (error) {
      exchange.reportHook(error, hooks[index]?.name ?? "");
    }
  }
}
