/** Plays a response case of the corpus and judges what the client got. */
import { askOn } from "../support/raw-client.ts";
import type { RawClient } from "../support/raw-client.ts";
import type { ResponseCase } from "./cases.ts";
import type { Front } from "./fronts.ts";
import type { ScriptedOrigin } from "./scripted-origin.ts";
import { finalsOf, readAnswers } from "./strict-answers.ts";
import type { Answer, AnswerReading } from "./strict-answers.ts";
import { valuesOf } from "./strict-grammar.ts";

/** How soon a connection on which the origin spoke unasked must be gone. */
const DROPPED_MS = 5000;

/** Failures that are not a plain 502. */
const STATUS: Readonly<Record<string, number>> = { "r-stall-head": 504 };

export interface ResponseReplay {
  readonly sent: string;
  readonly received: string;
  readonly reading: AnswerReading;
  readonly reset: boolean;
  /** The body of a plain request behind it on the client's connection; null where that was closed. */
  readonly behind: string | null;
  /** Bodies of plain requests on new connections. */
  readonly plain: readonly string[];
  /** The connection on which the origin said too much was closed. */
  readonly dropped: boolean;
  readonly asked: number;
}

export async function replayResponse(one: ResponseCase, origin: ScriptedOrigin, front: Front, port: number): Promise<ResponseReplay> {
  const fields = ["Host: a.test", ...(one.method === "POST" ? ["Content-Length: 0"] : []), ...one.fields];
  const sent = `${one.method} /case/${one.id} HTTP/${one.version}\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`;
  const client = await front.connect(port);
  client.send(sent);
  const over = ({ ended, closed }: RawClient): boolean => ended || closed;
  const finals = (): Answer[] => finalsOf(readAnswers(client.received, [one.method], over(client)));
  await client.until((each) => over(each) || finals().length > 0, "an answer or the end of the connection");
  const dropped = (one.late === undefined && !one.drops) || (await origin.connectionClosed(one.id, DROPPED_MS));
  const final = finals()[0];
  let behind: string | null = null;
  if (final?.status === 101) client.socket.end();
  else if (!over(client)) client.send(`GET ${plain(one, "behind")} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`);
  await client.end();
  const answers = finals();
  if (answers.length > 1) behind = answers.at(-1)?.body ?? "";
  const reading = readAnswers(client.received, [one.method], true);
  client.destroy();
  const bodies: string[] = [];
  for (const name of ["next", "last"]) {
    const request = `GET ${plain(one, name)} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`;
    bodies.push((await askOn(await front.connect(port), request)).body);
  }
  return {
    sent,
    received: client.received,
    reading,
    reset: client.error !== "",
    behind,
    plain: bodies,
    dropped,
    asked: origin.asked.get(one.id) ?? 0,
  };
}

function plain(one: ResponseCase, name: string): string {
  return `/plain/${one.id}/${name}`;
}

/** Everything that is wrong; none: the case holds. */
export function responseProblems(one: ResponseCase, seen: ResponseReplay): string[] {
  const problems: string[] = [];
  const { fault, answers } = seen.reading;
  const final = finalsOf(seen.reading)[0];
  if (fault !== null) problems.push(`malformed at the client: ${fault}`);
  if (seen.asked === 0) problems.push("the origin was not asked");
  if (!seen.dropped) problems.push("the connection on which the origin said too much was kept");
  // Never bytes left from the case.
  if (seen.behind !== null && seen.behind !== plain(one, "behind")) problems.push(`the next request got ${JSON.stringify(seen.behind)}`);
  for (const [at, name] of ["next", "last"].entries()) {
    if (seen.plain[at] !== plain(one, name)) problems.push(`a request on a new connection got ${JSON.stringify(seen.plain[at])}`);
  }
  const goesOn = final?.complete === true && !final.close && final.status !== 101;
  if (goesOn && seen.behind === null) problems.push("the client's connection was closed without saying so");
  if (!goesOn && seen.behind !== null) problems.push("a request behind the last one was answered");

  const heads = answers.filter(({ body }) => !body.startsWith("/plain/")).map(({ head, trailers }) => head + trailers);
  for (const pattern of one.respNot) if (heads.some((head) => pattern.test(head))) problems.push(`the client saw ${String(pattern)}`);
  for (const pattern of one.respHas)
    if (!heads.some((head) => pattern.test(head))) problems.push(`the client did not see ${String(pattern)}`);
  return [...problems, ...byExpectation(one, seen, final)];
}

function byExpectation(one: ResponseCase, seen: ResponseReplay, final: Answer | undefined): string[] {
  const whole = final !== undefined && final.complete && !(final.framing === "close" && seen.reset);
  const wanted = one.status ?? STATUS[one.id] ?? 502;
  switch (one.expect) {
    case "pass":
      return final !== undefined && whole ? passed(one, seen, final) : ["it did not reach the client whole"];
    case "502":
      return final === undefined ? ["no answer"] : own(final, wanted);
    case "abort":
      if (final === undefined) return seen.received === "" || !whole ? [] : ["no answer"];
      return whole ? own(final, wanted) : [];
    default:
      // Passed on repaired, refused, or cut where the fault lies behind the head.
      if (final === undefined) return /\r?\n\r?\n/.test(one.wire) ? [] : ["no answer"];
      return one.status === undefined || final.status === one.status ? [] : [`answered ${final.status} and not ${one.status}`];
  }
}

function passed(one: ResponseCase, seen: ResponseReplay, final: Answer): string[] {
  const problems: string[] = [];
  const statuses = statusesOf(one.wire);
  const status = one.status ?? statuses.at(-1);
  if (final.status !== status) problems.push(`answered ${final.status} and not ${status ?? "at all"}`);
  if (final.status !== 101 && final.body !== (one.body ?? "")) problems.push(`the body is ${JSON.stringify(final.body)}`);
  // RFC 9110 section 15.2: interim responses are relayed, but for a 100 that the proxy asked for; never to HTTP/1.0.
  const relayed = seen.reading.answers.map((answer) => answer.status).filter((each) => each > 101 && each < 200);
  const wanted = one.version === "1.0" ? [] : statuses.filter((each) => each > 101 && each < 200);
  if (relayed.join() !== wanted.join()) problems.push(`interim responses are ${relayed.join()} and not ${wanted.join()}`);
  return problems;
}

/** A failure that the proxy itself reports. */
function own({ status, fields, complete }: Answer, wanted: number): string[] {
  const problems: string[] = [];
  if (status !== wanted) problems.push(`answered ${status} and not ${wanted}`);
  if (!/^millrace; error=[a-z_]+$/.test(valuesOf(fields, "proxy-status")[0] ?? "")) problems.push("no Proxy-Status of the proxy's own");
  if (!complete) problems.push("the proxy's own answer was cut");
  return problems;
}

/** The statuses up to and with that of the final response. */
function statusesOf(wire: string): number[] {
  const statuses: number[] = [];
  let at = 0;
  for (;;) {
    const status = Number(/^HTTP\/1\.[0-9] ([0-9]{3})/.exec(wire.slice(at))?.[1] ?? 0);
    if (status !== 0) statuses.push(status);
    at = wire.indexOf("\r\n\r\n", at) + 4;
    if (status < 100 || status > 199 || status === 101 || at < 4) return statuses;
  }
}
