/** Runs one case and says what is wrong with it, or how the judges agreed. */
import { Buffer } from "node:buffer";
import type { MessageLimits } from "../src/http1/limits.ts";
import * as transcript from "../src/http1/transcript.test.ts";
import type { Case, ParserCase, WireCase } from "./case.ts";
import { compare } from "./compare.ts";
import type { Verdict } from "./compare.ts";
import { escaped } from "./failure.ts";
import type { Failure } from "./failure.ts";
import { RequestForwarder, ResponseForwarder } from "./forward.ts";
import { forwardedBreach } from "./forwarded.ts";
import { readRequests, readResponses } from "./own-reading.ts";
import { PARSERS } from "./parsers.ts";
import { completeMessages } from "./reading.ts";
import type { Reading } from "./reading.ts";
import type { HelloCase } from "./hello-draw.ts";
import { judgeHello } from "./run-hello.ts";
import { slowestOf } from "./timed.ts";

/** The other parser, as the two parties of a connection: NodeServer and NodeClient. */
export interface Judges {
  readonly server: { read(wire: Buffer): Reading };
  readonly client: { prepare(gets: number, heads: number): Promise<void>; read(wire: Buffer, toHead: boolean): Reading };
}

export interface Outcome {
  readonly failure: Failure | null;
  /** Ids of the listed disagreements that were met. */
  readonly listed: readonly string[];
  /** Messages that both judges accepted and saw alike. */
  readonly agreed: number;
  /** Comparisons with Node that were made. */
  readonly comparisons: number;
}

/** How many readings one case may ask of the client judge: as received, and as passed on. */
export const CLIENT_READINGS = 2;

/** Fields that the proxy adds may take a head beyond the limit for what is received. */
const FORWARDED_LIMITS: MessageLimits = { headBytesMax: 128 * 1024, fieldsMax: 300, startLineBytesMax: 16 * 1024 };

export function runCase(one: Case, judges: Judges): Outcome {
  if (one.side === "text") return { failure: runText(one), listed: [], agreed: 0, comparisons: 0 };
  return one.side === "hello" ? runHello(one) : runWire(one, judges);
}

function runHello(one: HelloCase): Outcome {
  const { rule, detail, listed, agreed } = judgeHello(one);
  return {
    failure: rule === null ? null : { rule: `hello: ${rule}`, detail, wire: one.wire, ours: null, node: null },
    listed: listed === null ? [] : [listed],
    agreed: agreed ? 1 : 0,
    comparisons: 1,
  };
}

function runWire(one: WireCase, judges: Judges): Outcome {
  const { side, wire, toHead } = one;
  const bytes = Buffer.from(wire, "latin1");
  const fail = (rule: string, detail: string, ours: Reading | null = null, node: Reading | null = null, shown = wire): Outcome => ({
    failure: { rule: `${side}: ${rule}`, detail, wire: shown, ours, node },
    listed: [],
    agreed: 0,
    comparisons: 1,
  });
  const relay =
    side === "request" ? new RequestForwarder(one.sender, one.unsafeFieldNames) : new ResponseForwarder(one.clientMinor, one.close);
  let ours: Reading;
  try {
    const input = { wire: bytes, cuts: one.cuts, limits: one.limits };
    ours = relay instanceof RequestForwarder ? readRequests(input, relay) : readResponses(input, toHead, relay);
    checkSplits(one, bytes);
  } catch (error) {
    return fail(`our reader: ${firstLine(error)}`, error instanceof Error ? (error.stack ?? "") : "");
  }
  const node = side === "request" ? judges.server.read(bytes) : judges.client.read(bytes, toHead);
  const verdict = compare({ side, wire, ours, node, limits: one.limits, passedOn: false });
  if (isFailure(verdict)) return fail(describeParting(verdict), "", ours, node);
  if (one.valid && (ours.fault !== null || completeMessages(ours) === 0))
    return fail(`valid, and refused: ${ours.fault ?? ""}`, "", ours, node);

  const listed = verdict.listed === null ? [] : [verdict.listed.id];
  if (relay.text === "") return { failure: null, listed, agreed: verdict.agreed, comparisons: 1 };
  const passedOn = Buffer.from(relay.text, "latin1");
  const input = { wire: passedOn, cuts: [], limits: FORWARDED_LIMITS };
  let again: Reading;
  try {
    again = side === "request" ? readRequests(input, NO_RELAY) : readResponses(input, toHead, NO_RELAY);
  } catch (error) {
    return fail(`our reader, of what is passed on: ${firstLine(error)}`, "", null, null, relay.text);
  }
  const other = side === "request" ? judges.server.read(passedOn) : judges.client.read(passedOn, toHead);
  const breach = forwardedBreach(one, ours, relay, again);
  if (breach !== null)
    return fail(`passed on: ${breach.rule}`, `${escaped(breach.detail)}, passed on as ${escaped(relay.text)}`, ours, again);
  const second = compare({ side, wire: relay.text, ours: again, node: other, limits: FORWARDED_LIMITS, passedOn: true });
  if (isFailure(second)) return fail(`passed on: ${describeParting(second)}`, `received as ${escaped(wire)}`, again, other, relay.text);
  if (second.listed !== null) listed.push(second.listed.id);
  return { failure: null, listed, agreed: verdict.agreed, comparisons: 2 };
}

const NO_RELAY = { head: (): void => {}, data: (): void => {}, end: (): void => {} };

function isFailure(verdict: Verdict): boolean {
  return verdict.parting !== null && verdict.listed === null;
}

function describeParting({ parting }: Verdict): string {
  if (parting === null) return "";
  const { kind, ourFault, nodeFault } = parting;
  switch (kind) {
    case "we-refuse":
      return `${ourFault ?? "incomplete"} here, accepted by Node`;
    case "node-refuses":
      return `accepted here, ${nodeFault ?? "incomplete"} in Node`;
    case "persistence":
      return "only one of the two reads on behind a message";
    default:
      return "accepted by both, and seen differently";
  }
}

/** The events are the same however the bytes were split, and whatever lies behind them in the reused buffer. */
function checkSplits({ side, cuts, limits, toHead }: WireCase, bytes: Buffer): void {
  const read = side === "request" ? transcript.readRequests : transcript.readResponses;
  const whole = read(bytes, { limits, toHead });
  const pieces = read(bytes, { limits, toHead, cuts, takeRest: cuts.length % 2 === 1 });
  if (JSON.stringify(whole) !== JSON.stringify(pieces)) throw new Error("split at other places, the bytes read differently");
}

function runText({ parser, text, timed }: ParserCase): Failure | null {
  const found = PARSERS.find(({ name }) => name === parser);
  const failure = (rule: string, detail: string): Failure => ({ rule: `${parser}: ${rule}`, detail, wire: text, ours: null, node: null });
  if (found === undefined) return failure("no such parser", "");
  try {
    found.check(text);
  } catch (error) {
    return failure(firstLine(error), error instanceof Error ? (error.stack ?? "") : "");
  }
  if (!timed) return null;
  const milliseconds = slowestOf(() => void found.parse(text));
  return milliseconds === null ? null : failure("it takes too long", `${milliseconds.toFixed(1)} ms for ${text.length} characters`);
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
