/**
 * Other people's HTTP parsers as origins. Each is given bytes that Millrace forwarded, raw, and tells in `X-Seen` of each answer what
 * request it took them for: what two origins read differently, one of them can be attacked with.
 */
import { createHash } from "node:crypto";
import { RawClient } from "../../support/raw-client.ts";
import type { StrictRequest } from "../strict-requests.ts";

export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  /** Bytes of the body. */
  readonly length: number;
  readonly sha256: string;
}

/** Well-formed requests that a judge refuses or does not tell of, for a reason of its own that moves no message's end. */
export interface KnownLimit {
  readonly why: string;
  /** The request itself is read, but nothing behind it: it is judged alone. */
  readonly nothingBehind?: true;
  applies(request: StrictRequest): boolean;
}

/** A running judge. */
export interface Judge {
  readonly port: number;
  stop(): Promise<void>;
}

export interface JudgeKind {
  readonly name: string;
  /** Why it cannot run here; null: it can. */
  missing(): string | null;
  start(): Promise<Judge>;
  readonly limits: readonly KnownLimit[];
}

export interface Judgement {
  readonly seen: readonly SeenRequest[];
  /** It saw the request that the suite put behind the bytes, as the last one: nothing of them was left open. */
  readonly reachedEnd: boolean;
  readonly received: string;
}

const END = "/end-of-the-bytes";

/** Complete messages: what the judge sees in them and behind them. */
export async function judgeMessages(judge: Judge, bytes: string): Promise<Judgement> {
  const client = await RawClient.connect(judge.port);
  client.send(`${bytes}GET ${END} HTTP/1.1\r\nHost: judge.test\r\nConnection: close\r\n\r\n`);
  await client.until(({ ended, closed }) => ended || closed, "the judge to close");
  client.destroy();
  const seen = seenIn(client.received);
  const reachedEnd = seen.at(-1)?.target === END;
  return { seen: reachedEnd ? seen.slice(0, -1) : seen, reachedEnd, received: client.received };
}

/** One message with nothing behind it: what the judge answers first. */
export async function judgeAlone(judge: Judge, bytes: string): Promise<Judgement> {
  const client = await RawClient.connect(judge.port);
  client.send(bytes);
  await client.until(({ received, ended, closed }) => ended || closed || /\r\n\r\n/.test(received), "the judge's answer");
  client.destroy();
  return { seen: seenIn(client.received), reachedEnd: true, received: client.received };
}

/** A message that was cut: what the judge takes for complete in it once the connection has ended. */
export async function judgeUnfinished(judge: Judge, bytes: string): Promise<Judgement> {
  const client = await RawClient.connect(judge.port);
  client.send(bytes);
  client.socket.end();
  await client.until(({ ended, closed }) => ended || closed, "the judge to close");
  client.destroy();
  return { seen: seenIn(client.received), reachedEnd: false, received: client.received };
}

/** The value of `X-Seen` for a request with that body. */
export function told(method: string, target: string, body: Buffer): string {
  const seen: SeenRequest = { method, target, length: body.length, sha256: createHash("sha256").update(body).digest("hex") };
  return JSON.stringify(seen);
}

/** What a judge should tell of a request. */
export function expectedOf({ method, target, body }: StrictRequest): string {
  return told(method, target, Buffer.from(body, "latin1"));
}

/** As text that compares: the judges write the same members, in any order. */
export function shownSeen({ method, target, length, sha256 }: SeenRequest): string {
  return JSON.stringify({ method, target, length, sha256 });
}

function seenIn(received: string): SeenRequest[] {
  return [...received.matchAll(/\r\nX-Seen: ([^\r\n]*)\r\n/gi)].map(([, text = ""]): SeenRequest => JSON.parse(text));
}
