/** Sends a case's bytes to Millrace over a connection of its own and gathers what both sides saw. */
import { ask } from "../support/raw-client.ts";
import type { RawClient } from "../support/raw-client.ts";
import type { Front } from "./fronts.ts";
import type { OriginStream, Recorder } from "./recorder.ts";
import { finalsOf, readAnswers } from "./strict-answers.ts";
import type { Answer, AnswerReading } from "./strict-answers.ts";
import { readRequests } from "./strict-requests.ts";

/** Asked behind the first answer, if the connection still stands: its own answer proves that both sides count requests alike. */
const SENTINEL = "/sentinel-behind-the-case";

export interface Replay {
  readonly wire: string;
  readonly scheme: Front["scheme"];
  readonly received: string;
  readonly reading: AnswerReading;
  /** Final answers to what the case sent, in order. */
  readonly finals: readonly Answer[];
  /** The sentinel was sent; its answer, or null where Millrace closed the connection instead. */
  readonly sentinel: Answer | null;
  /** The client's connection ended by a reset. */
  readonly reset: boolean;
  /** What the origin got of it, the sentinel left out. */
  readonly streams: readonly OriginStream[];
}

export interface ReplayOptions {
  readonly front: Front;
  readonly port: number;
  /** A port without TLS, whose limits are not the case's, for the request that proves that everything has arrived. */
  readonly barrierPort: number;
  readonly recorder: Recorder;
  /** The case leaves its last message unfinished: wait for what Millrace does about it. */
  readonly unfinished: boolean;
}

let barriers = 0;

/**
 * One case, alone: every origin connection made from the start to the end of it is the case's. Millrace must close its origin
 * connections after each exchange (`max_idle: 0`), so that the end can be seen.
 */
export async function replay(wire: string, options: ReplayOptions): Promise<Replay> {
  const { recorder } = options;
  const first = recorder.streams.length;
  const methods = methodsOf(wire);
  const client = await options.front.connect(options.port);
  client.send(wire);
  const over = ({ ended, closed }: RawClient): boolean => ended || closed;
  const answered = ({ received }: RawClient): boolean => finalsOf(readAnswers(received, methods, false)).length > 0;
  await client.until((each) => over(each) || (!options.unfinished && answered(each)), "an answer or the end of the connection");
  if (!over(client)) {
    const switched = finalsOf(readAnswers(client.received, methods, false))[0]?.status === 101;
    if (switched) client.socket.end();
    else client.send(`GET ${SENTINEL} HTTP/1.1\r\nHost: sentinel.test\r\nConnection: close\r\n\r\n`);
    await client.end();
  }
  const reset = client.error !== "";
  client.destroy();
  const last = await barrier(options);
  const streams = recorder.streams.slice(first).filter(({ bytes }) => !bytes.startsWith(last) && !bytes.startsWith(`GET ${SENTINEL} `));
  return { ...gather(wire, methods, client.received, reset, streams), scheme: options.front.scheme };
}

/**
 * The listener's queue is in order, so once this request has been answered every earlier connection is accepted at the origin, and
 * once those are closed every byte of them is recorded. Returns how its own bytes at the origin begin.
 */
async function barrier({ barrierPort, recorder }: ReplayOptions): Promise<string> {
  const target = `/barrier-${++barriers}`;
  const response = await ask(barrierPort, `GET ${target} HTTP/1.1\r\nHost: barrier.test\r\nConnection: close\r\n\r\n`);
  if (response.body !== `GET ${target}`) throw new Error(`a plain request got ${JSON.stringify(response)}`);
  await recorder.idle();
  return `GET ${target} `;
}

function gather(
  wire: string,
  methods: readonly string[],
  received: string,
  reset: boolean,
  streams: readonly OriginStream[],
): Omit<Replay, "scheme"> {
  const reading = readAnswers(received, methods, true);
  const finals = finalsOf(reading);
  const last = finals.at(-1);
  const sentinel = last?.body === `GET ${SENTINEL}` ? last : null;
  return {
    wire,
    received,
    reading,
    finals: sentinel === null ? finals : finals.slice(0, -1),
    sentinel,
    reset,
    streams,
  };
}

/** Which answers have no body depends on these; of what no strict reader understands, the first word has to do. */
export function methodsOf(wire: string): string[] {
  const methods = readRequests(wire, "client").requests.map(({ method }) => method);
  return methods.length > 0 ? methods : [/^(?:\r\n)*([^ ]*) /.exec(wire)?.[1] ?? "GET"];
}
