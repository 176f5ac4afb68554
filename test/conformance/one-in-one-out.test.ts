/**
 * One request in, one request out, for every message of the corpus and for thousands that are almost one of them: what Millrace
 * forwards is what the client sent, and parsers that others wrote read it as the same requests.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { RawClient } from "../support/raw-client.ts";
import { requestCases } from "./cases.ts";
import { faultsOfPairing, faultsOfStreams } from "./forwarded.ts";
import { judgeAll } from "./judges/judge-all.ts";
import { nginxJudge } from "./judges/nginx-judge.ts";
import { nodeJudge } from "./judges/node-judge.ts";
import { pythonJudge } from "./judges/python-judge.ts";
import { mutate, randomFrom } from "./mutations.ts";
import { Recorder, originMark } from "./recorder.ts";
import { differenceOf } from "./request-verdict.ts";
import { finalsOf, readAnswers } from "./strict-answers.ts";
import type { Answer } from "./strict-answers.ts";
import { valuesOf } from "./strict-grammar.ts";
import { readRequests } from "./strict-requests.ts";
import type { StrictRequest } from "./strict-requests.ts";

const SEED = 20260209;
const MUTATIONS = 10_000;
/** Clients at a time. Which request is whose they know by the origin's mark on the answer. */
const CLIENTS = 4;
/** Longer messages differ only in what limits judge. */
const MUTATED_BYTES_MAX = 3000;
/** Problems shown of a run: the first ones tell. */
const SHOWN_MAX = 20;

const CASES = [...requestCases("http1.json"), ...requestCases("own-requests.json")];

interface Sent {
  readonly wire: string;
  readonly finals: readonly Answer[];
  readonly fault: string | null;
}

describe("one request in, one request out", () => {
  let recorder: Recorder;
  let proxy: Millrace | null = null;
  const toSend = wires();
  const sent: Sent[] = [];

  before(
    async () => {
      recorder = await Recorder.start();
      // Connections to the origin are shared by all clients, as in production: a byte too much reaches somebody else's request.
      proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0" }]
workers: 1
upstreams: { app: { endpoints: ["${recorder.url}"] } }
routes: [{ upstream: app }]
logging: { access: false }
`);
      await Promise.all(Array.from({ length: CLIENTS }, () => sendAll(proxy?.port ?? 0, toSend, sent)));
      assert.equal(await proxy.stop(), 0, proxy.output().slice(-2000));
      await recorder.idle();
    },
    { timeout: 120_000 },
  );

  after(async () => {
    await proxy?.stop();
    await recorder.stop();
  });

  test("every byte at the origin belongs to a well-formed request that the proxy made", () => {
    show(
      recorder.streams.flatMap((stream) =>
        faultsOfStreams([stream], "127.0.0.1").map((fault) => `${fault}\n    ${JSON.stringify(stream.rest)}`),
      ),
    );
  });

  test("every answer at a client is well formed", () => {
    show(sent.flatMap(({ wire, fault }) => (fault === null ? [] : [`${fault}\n    sent ${JSON.stringify(wire)}`])));
  });

  test("every request at the origin has one answer at a client, every answer of the origin's one request", () => {
    const finals = sent.flatMap((each) => each.finals);
    assert.ok(finals.length > sent.length / 2, "most clients got an answer");
    show(faultsOfPairing(recorder.streams, finals));
  });

  test("what was forwarded is what a strict reader finds in the client's bytes, in order", () => {
    const forwarded = new Map<string, StrictRequest>();
    for (const stream of recorder.streams) {
      for (const [place, request] of stream.requests.entries()) forwarded.set(originMark(stream, place), request);
    }
    show(
      sent.flatMap(({ wire, finals }) => {
        const got = finals.flatMap(({ fields }) => valuesOf(fields, "x-origin")).flatMap((mark) => forwarded.get(mark) ?? []);
        return notEntitled(wire, got).map((problem) => `${problem}\n    sent ${JSON.stringify(wire)}`);
      }),
    );
  });

  for (const kind of [nodeJudge, nginxJudge, pythonJudge]) {
    test(`${kind.name} reads the same requests`, { skip: kind.missing() ?? false, timeout: 120_000 }, async () => {
      const complete = recorder.streams.flatMap(({ requests }) => requests);
      const cut = recorder.streams.filter(({ rest, tunnel, fault }) => rest !== "" && tunnel === null && fault === null);
      const unfinished = cut.map(({ rest }) => rest);
      assert.ok(complete.length > 1000 && unfinished.length > 10, `${complete.length} requests, ${unfinished.length} unfinished`);
      show(await judgeAll(kind, complete, unfinished));
    });
  }
});

function* wires(): Generator<string> {
  yield* CASES.map(({ wire }) => wire);
  const random = randomFrom(SEED);
  const short = CASES.filter(({ wire }) => wire.length <= MUTATED_BYTES_MAX);
  const all = short.map(({ wire }) => wire);
  // Mostly from what may pass: what is refused anyway seldom becomes a request by one more fault.
  const passing = short.filter(({ expect }) => expect === "accept" || expect === "normalize").map(({ wire }) => wire);
  for (let count = 0; count < MUTATIONS; count++) {
    const from = count % 4 === 0 ? all : passing;
    yield mutate(from[random(from.length)] ?? "", random, passing);
  }
}

async function sendAll(port: number, toSend: Generator<string>, sent: Sent[]): Promise<void> {
  for (const wire of toSend) sent.push(await send(port, wire));
}

/** Sends everything and then FIN, so that an unfinished message is known to be one, and waits for the other side's. */
async function send(port: number, wire: string): Promise<Sent> {
  const client = await RawClient.connect(port);
  client.send(wire);
  client.socket.end();
  await client.end();
  client.destroy();
  const methods = readRequests(wire, "client").requests.map(({ method }) => method);
  const reading = readAnswers(client.received, methods.length > 0 ? methods : [/^(?:\r\n)*([^ ]*) /.exec(wire)?.[1] ?? "GET"], true);
  return { wire, finals: finalsOf(reading), fault: reading.fault };
}

/** Requests that were forwarded though the client did not send them: `got` must be among what it sent, in that order. */
function notEntitled(wire: string, got: readonly StrictRequest[]): string[] {
  const entitled = readRequests(wire, "client").requests;
  let at = 0;
  return got.flatMap((request) => {
    // Requests that the proxy answered itself are passed over.
    const found = entitled.findIndex((one, index) => index >= at && differenceOf(one, request) === null);
    if (found < 0) return [`forwarded, but not sent: ${JSON.stringify(request.head + request.body).slice(0, 1000)}`];
    at = found + 1;
    return [];
  });
}

function show(problems: readonly string[]): void {
  if (problems.length > 0) assert.fail(`${problems.length} problems\n  ${problems.slice(0, SHOWN_MAX).join("\n  ")}`);
}
