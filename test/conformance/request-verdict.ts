/** Judges what a request case of the corpus led to. */
import type { RequestCase } from "./cases.ts";
import { faultsOfPairing, faultsOfStreams } from "./forwarded.ts";
import type { Replay } from "./replay.ts";
import type { Answer } from "./strict-answers.ts";
import { listMembers, valuesOf } from "./strict-grammar.ts";
import { readRequests } from "./strict-requests.ts";
import type { StrictRequest } from "./strict-requests.ts";

const PEER = "127.0.0.1";

/**
 * Refusals that are not a plain 400; null: the connection is closed without an answer.
 */
const STATUS: Readonly<Record<string, number | null>> = {
  "rl-ver-20": 505,
  "rl-ver-99": 505,
  "rl-uri-100k": 414,
  "hdr-size-100k": 431,
  "hdr-name-100k": 431,
  "hdr-count-same-3000": 431,
  "hdr-total-200k": 431,
  "cl-short-body": 408,
  "slow-reqline": 408,
  "slow-nothing": null,
  "slow-body": 408,
  "slow-chunk": 408,
};

/** Everything that is wrong; none: the case holds. */
export function requestProblems(one: RequestCase, seen: Replay): string[] {
  return [...always(seen), ...byExpectation(one, seen), ...byAsserts(one, seen)];
}

/** Whatever was sent: both sides get well-formed messages, and as many of them. */
function always(seen: Replay): string[] {
  const problems = [...faultsOfStreams(seen.streams, PEER, seen.scheme), ...faultsOfPairing(seen.streams, seen.finals)];
  const { fault, rest, answers } = seen.reading;
  if (fault !== null) problems.push(`malformed at the client: ${fault}`);
  if (rest !== "" && answers.at(-1)?.status !== 101) problems.push(`bytes behind the last answer: ${JSON.stringify(rest.slice(0, 100))}`);
  if (answers.some(({ complete }) => !complete)) problems.push("an answer was cut");
  for (const stream of seen.streams) {
    // Each exchange has a connection of its own here: a second request on one is no exchange's.
    const count = stream.requests.length;
    if (count > 1) problems.push(`${count} requests at the origin for one exchange`);
  }
  // A connection goes on as its last answer says: behind `close` nothing, else the next request is answered.
  const last = seen.finals.at(-1);
  if (last !== undefined && last.status !== 101) {
    if (last.close && seen.sentinel !== null) problems.push("a request behind Connection: close was answered");
    if (!last.close && seen.sentinel === null) problems.push("the connection was closed without saying so");
  }
  return problems;
}

function byExpectation(one: RequestCase, seen: Replay): string[] {
  switch (one.expect) {
    case "accept":
      return accepted(one, seen);
    case "normalize":
      return normalized(one, seen);
    default:
      return refused(one, seen);
  }
}

function accepted(one: RequestCase, seen: Replay): string[] {
  const problems: string[] = [];
  const count = one.assert.responses ?? 1;
  if (seen.finals.length !== count) problems.push(`${seen.finals.length} answers and not ${count}`);
  for (const { status, fields } of seen.finals) {
    if (status !== 101 && (status < 200 || status > 299)) problems.push(`answered ${status}`);
    if (valuesOf(fields, "x-origin").length === 0) problems.push(`a ${status} of the proxy's own`);
  }
  // What the origin sees is what the client sent.
  const sent = readRequests(one.wire, "client").requests.slice(0, count);
  const got = completeRequests(seen);
  for (let at = 0; at < Math.max(sent.length, got.length); at++) {
    const difference = differenceOf(sent[at], got[at]);
    if (difference !== null) problems.push(`request ${at + 1}: ${difference}`);
  }
  if (seen.streams.some((stream) => stream.rest !== "")) problems.push("an unfinished request at the origin");
  // What was sent behind a request that switched is the tunnel's, whenever it was sent.
  if (seen.finals.at(-1)?.status === 101) {
    const behind = one.wire.slice(sent.map(({ wire }) => wire).join("").length);
    const tunnels = seen.streams.map(({ tunnel }) => tunnel ?? "").join("");
    if (tunnels !== behind) problems.push(`the tunnel got ${JSON.stringify(tunnels)} and not ${JSON.stringify(behind)}`);
  }
  const last = sent.at(-1);
  if (last !== undefined && asksToClose(last) && seen.finals.at(-1)?.close === false) problems.push("the connection was kept");
  return problems;
}

function normalized(one: RequestCase, seen: Replay): string[] {
  if (seen.finals.length === 0) return ["no answer"];
  const problems = seen.finals.flatMap((answer) => (valuesOf(answer.fields, "x-origin").length > 0 ? [] : faultsOfOwnAnswer(answer)));
  if (one.status !== undefined && seen.finals.at(-1)?.status !== one.status) problems.push(`answered ${shown(seen)} and not ${one.status}`);
  return problems;
}

/** An answer of the proxy's own that is no success: a refusal, closed where the bytes behind it cannot be trusted. */
function faultsOfOwnAnswer({ status, close }: Answer): string[] {
  // OPTIONS with Max-Forwards: 0 is for the proxy to answer (RFC 9110 section 7.6.2).
  if (status === 204) return [];
  if ([400, 408, 414, 431, 505].includes(status)) return close ? [] : [`refused with ${status}, but the connection goes on`];
  return [404, 405, 413, 417, 501, 508].includes(status) ? [] : [`refused with ${status}`];
}

function refused(one: RequestCase, seen: Replay): string[] {
  const problems: string[] = [];
  const answers = one.assert.lastReject ? seen.finals.slice(-1) : seen.finals;
  const before = one.assert.lastReject ? seen.finals.slice(0, -1) : [];
  if (before.some(({ status }) => status < 200 || status > 299)) problems.push(`an earlier request was refused: ${shown(seen)}`);
  const complete = completeRequests(seen).length;
  if (complete !== before.length) problems.push(`${complete} complete requests reached the origin, ${before.length} should`);
  if (seen.sentinel !== null) problems.push("the connection goes on");

  const named = STATUS[one.id];
  const wanted = one.status ?? (named === undefined ? 400 : named);
  const [answer] = answers;
  if (answers.length > 1) problems.push(`several answers: ${shown(seen)}`);
  else if (answer === undefined) {
    if (wanted !== null) problems.push(`closed without an answer and not with ${wanted}`);
  } else {
    if (answer.status !== wanted) problems.push(`answered ${answer.status} and not ${wanted ?? "closed without an answer"}`);
    if (!answer.close) problems.push("the refusal does not say Connection: close");
    if (valuesOf(answer.fields, "x-origin").length > 0) problems.push("the origin answered");
  }
  return problems;
}

function byAsserts({ assert }: RequestCase, seen: Replay): string[] {
  const problems: string[] = [];
  const heads = seen.streams.flatMap((stream) => {
    const { requests, rest, restHead } = stream;
    return [...requests.map(({ head }) => head), ...(rest === "" ? [] : [restHead === "" ? rest : restHead])];
  });
  const raw = seen.streams.map(({ bytes }) => bytes);
  const trailers = seen.streams.flatMap((stream) => stream.requests.map((request) => request.trailers));
  const answers = seen.reading.answers.map(({ head }) => head);
  const none = (what: string, texts: readonly string[], patterns: readonly RegExp[]): void => {
    for (const pattern of patterns) if (texts.some((text) => pattern.test(text))) problems.push(`${what} ${String(pattern)}`);
  };
  none("forwarded", heads, assert.fwdNot);
  none("the origin saw", raw, assert.rawNot);
  none("a trailer was", trailers, assert.trailerNot);
  none("the client saw", answers, assert.respNot);
  for (const pattern of heads.length === 0 ? [] : assert.fwdHas) {
    if (!heads.some((head) => pattern.test(head))) problems.push(`not forwarded: ${String(pattern)}`);
  }
  if (assert.responses !== undefined && seen.finals.length > assert.responses) problems.push(`${seen.finals.length} answers`);
  if (assert.incomplete && completeRequests(seen).length > 0) problems.push("the origin saw a complete request");
  if (assert.tunnelNot && seen.streams.some(({ tunnel }) => tunnel !== null)) problems.push("there was a tunnel");
  return problems;
}

function completeRequests(seen: Replay): StrictRequest[] {
  return seen.streams.flatMap((stream) => [...stream.requests]);
}

/** How a forwarded request differs from the one that was sent, beyond what a proxy changes; null: not at all. */
export function differenceOf(sent: StrictRequest | undefined, got: StrictRequest | undefined): string | null {
  if (sent === undefined) return "the origin got one that nobody sent";
  if (got === undefined) return "the origin did not get it";
  const target = originForm(sent);
  if (got.method !== sent.method) return `method ${got.method} and not ${sent.method}`;
  if (got.target !== target) return `target ${got.target} and not ${target}`;
  return got.body === sent.body
    ? null
    : `body ${JSON.stringify(got.body.slice(0, 200))} and not ${JSON.stringify(sent.body.slice(0, 200))}`;
}

/** RFC 9112 section 3.2.1 and 3.2.4: what an absolute-form target becomes. */
function originForm({ method, target }: StrictRequest): string {
  const rest = /^http:\/\/[^/?]*(.*)$/i.exec(target)?.[1];
  if (rest === undefined || rest.startsWith("/")) return rest ?? target;
  return rest === "" && method === "OPTIONS" ? "*" : `/${rest}`;
}

function asksToClose({ minor, fields }: StrictRequest): boolean {
  return minor === "0" || listMembers(valuesOf(fields, "connection")).includes("close");
}

function shown(seen: Replay): string {
  return seen.finals.map(({ status }) => status).join(", ") || "nothing";
}
