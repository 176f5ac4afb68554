/** Sends the bytes of a case of a feature to a proxy in memory, and gathers what both sides saw. */
import type { TestConnection, TestProxy } from "../../src/testing/test-proxy.ts";
import { script } from "../../src/testing/test-proxy.ts";
import type { OriginScript } from "../../src/testing/test-proxy.ts";
import type { FeatureCase } from "./feature-cases.ts";
import { methodsOf } from "./replay.ts";
import { finalsOf, readAnswers } from "./strict-answers.ts";
import type { Answer, AnswerReading } from "./strict-answers.ts";
import { readRequests } from "./strict-requests.ts";
import type { StrictRequest } from "./strict-requests.ts";

/** Asked after the case, where its connection goes on: the answer proves that nothing of the case is taken for a part of it. */
const SENTINEL = "/sentinel-after-the-case";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Copies of requests are sent within this time. */
const COPIED_MS = 100;

/** What a case led to. */
export interface FeatureReplay {
  readonly reading: AnswerReading;
  /** Final answers to what the case sent, in order. */
  readonly finals: readonly Answer[];
  /** Interim and final answers, the sentinel's left out. */
  readonly answers: readonly Answer[];
  /** The body of the sentinel's answer; null: it was not asked, because the connection was over. */
  readonly sentinel: string | null;
  readonly received: string;
  readonly requests: readonly StrictRequest[];
  readonly copies: readonly StrictRequest[];
  /** Lines of the access log, as JSON. */
  readonly log: readonly string[];
  /** What no strict parser understands of what came to endpoints. */
  readonly faults: readonly string[];
}

/** The endpoints of all cases: they answer each request as the case that is played says, and remember it. */
export class FeatureOrigin {
  readonly script: OriginScript = script.raw((connection) => this.accept(connection, (request) => this.answer(connection, request)));
  /** The endpoint that gets copies. */
  readonly shadow: OriginScript = script.raw((connection) => this.accept(connection, (request) => this.answerCopy(connection, request)));
  private requests: StrictRequest[] = [];
  private copies: StrictRequest[] = [];
  private faults: string[] = [];
  private one: FeatureCase | null = null;

  async play(one: FeatureCase, proxy: TestProxy): Promise<FeatureReplay> {
    this.requests = [];
    this.copies = [];
    this.faults = [];
    const linesBefore = proxy.log.length;
    this.one = one;
    const methods = methodsOf(one.wire);
    const client = proxy.connect(one.from === undefined ? {} : { from: one.from });
    const isOver = (): boolean => client.hasEnded || client.isClosed;
    const finals = (): Answer[] => finalsOf(readAnswers(client.received, methods, isOver()));
    const count = one.answers?.length ?? 1;
    client.send(one.wire);
    if (one.advance > 0) await proxy.advance(one.advance);
    await client.until(() => isOver() || (count > 0 && finals().length >= count));
    const last = finals().at(-1);
    const goesOn = last !== undefined && !last.close && last.status !== 101 && !isOver();
    if (goesOn) client.send(`GET ${SENTINEL} HTTP/1.1\r\nHost: sentinel.test\r\nConnection: close\r\n\r\n`);
    else client.end();
    const received = await client.untilEnded();
    client.close();
    await proxy.advance(COPIED_MS);
    const reading = readAnswers(received, methods, true);
    const all = finalsOf(reading);
    const sentinel = goesOn ? (all.at(-1)?.body ?? "") : null;
    return {
      reading,
      finals: goesOn ? all.slice(0, -1) : all,
      answers: goesOn ? reading.answers.slice(0, -1) : reading.answers,
      sentinel: sentinel?.endsWith(SENTINEL) === true ? SENTINEL : sentinel,
      received,
      requests: this.requests,
      copies: this.copies,
      log: proxy.log
        .slice(linesBefore)
        .filter(({ event }) => event === "access")
        .map((line) => JSON.stringify(line))
        .filter((line) => !line.includes(SENTINEL)),
      faults: this.faults,
    };
  }

  /** @param answer whether the endpoint has switched protocols */
  private accept(connection: TestConnection, answer: (request: StrictRequest) => boolean): void {
    let bytes = "";
    let isSwitched = false;
    connection.onEnded = () => connection.end();
    connection.onData = (data) => {
      if (isSwitched) return;
      bytes += data.toString("latin1");
      const { requests, fault, rest } = readRequests(bytes, "origin");
      bytes = rest;
      if (fault !== null) {
        this.faults.push(fault);
        return connection.close();
      }
      for (const request of requests) isSwitched = answer(request);
    };
  }

  private answerCopy(connection: TestConnection, request: StrictRequest): boolean {
    this.copies.push(request);
    connection.send(OK);
    return false;
  }

  private answer(connection: TestConnection, request: StrictRequest): boolean {
    const { target, method } = request;
    if (target.endsWith(SENTINEL)) {
      connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`);
      return false;
    }
    this.requests.push(request);
    const { origin = [], originEnds = false } = this.one ?? {};
    const text = origin[this.requests.length - 1] ?? origin.at(-1) ?? OK;
    connection.send(method === "HEAD" ? text.slice(0, text.indexOf("\r\n\r\n") + 4) : text);
    if (originEnds) connection.end();
    return text.startsWith("HTTP/1.1 101");
  }
}

/** The sentinel was answered with what belongs to it. */
export function isOfSentinel(body: string | null): boolean {
  return body === null || body === SENTINEL;
}
