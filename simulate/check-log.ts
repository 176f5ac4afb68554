/** Checks at the end of a run: every request is logged once, and the log agrees with what its client and the endpoints saw. */
import type { Config } from "../src/config/schema/schema.ts";
import type { AccessRecord } from "../src/observe/access-record.ts";
import type { Attempts } from "./attempts.ts";
import { variantOf } from "./configs.ts";
import type { SimulatedClient } from "./client.ts";
import { faultOfOutcome } from "./edits.ts";
import { clientOf, isValid } from "./expected.ts";
import { fileFails } from "./files.ts";
import { asksWho, faultOfRefusal } from "./identities.ts";
import type { LogLines } from "./log-lines.ts";
import { mayFail } from "./hooks.ts";
import type { Hooks } from "./hooks.ts";
import { faultOfPatternEnd } from "./patterns.ts";
import { answerTo, idOf } from "./plan.ts";
import type { RequestPlan } from "./plan.ts";
import type { TunnelEnd } from "./tunnel-end.ts";

/** Outcomes that mean that something stood still for too long. */
const STANDSTILLS = new Set(["response_timeout", "write_timeout", "connection_timeout", "client_stalled", "request_timeout"]);
/** An answer that begins within this time is never too late: `response_head` less the precision of deadlines. */
const IN_TIME_MS = 3000;
/** More bytes than any head of an answer has, interim responses included. */
const HEAD_BYTES = 1000;

/** What is known at the end of a run. */
export interface Run {
  readonly seed: number;
  readonly records: readonly AccessRecord[];
  readonly clients: readonly SimulatedClient[];
  /** How often each request came to an endpoint. */
  readonly arrivals: ReadonlyMap<number, number>;
  /** Requests that came to an endpoint after it had begun a response that nobody asked for: the proxy may take that for theirs. */
  readonly misled: ReadonlySet<number>;
  /** An endpoint was slow about such a response: it may not have come to read the next request at all. */
  readonly misleadsSlowly: boolean;
  /** The endpoints' sides of tunnels, by request id. */
  readonly tunnels: ReadonlyMap<number, TunnelEnd>;
  readonly attempts: Attempts;
  readonly hooks: Hooks;
  readonly lines: LogLines;
  /** When the drain of the client's connection began; Infinity if it did not. */
  drainedAtMs(client: SimulatedClient): number;
  /** Whether endpoints may have left connects unanswered. */
  readonly mayBeSilent: boolean;
  /** The configurations under which the client's connection may have begun the request, up to `toMs`. */
  configsOf(client: SimulatedClient, id: number, toMs: number): readonly Config[];
  /** The configurations that were in use at some time between `fromMs` and `toMs`. */
  configsDuring(fromMs: number, toMs: number): readonly Config[];
  fail(message: string): void;
}

/** Calls `run.fail` for everything that does not agree. */
export function checkLog(run: Run): void {
  const logged = new Map<number, AccessRecord>();
  for (const record of run.records) {
    const id = idOf(record.path);
    if (id === 0) continue;
    if (logged.has(id)) run.fail(`request ${id} is logged twice`);
    logged.set(id, record);
    const seen = run.attempts.count(id);
    if (record.attempts !== seen) run.fail(`request ${id} is logged with ${record.attempts} attempts, and ${seen} were made`);
    run.hooks.check(id, record.route);
    if (record.status < 101) run.fail(`request ${id} is logged without a status`);
  }
  for (const id of run.arrivals.keys()) if (!logged.has(id)) run.fail(`request ${id} came to an endpoint and is not logged`);
  for (const client of run.clients) checkClient(run, client, logged);
}

function checkClient(run: Run, client: SimulatedClient, logged: ReadonlyMap<number, AccessRecord>): void {
  const { requests } = client.plan;
  const drainedAtMs = run.drainedAtMs(client);
  for (const [id, { status, isWhole, saysClose, answers }] of client.seen) {
    const shown = run.lines.answers.get(id) ?? "";
    if (shown !== "" && shown !== answers) run.fail(`request ${id} was answered with ${answers} and logged with ${shown}`);
    const record = logged.get(id);
    // When the response began, if an endpoint has answered, or else the exchange.
    const beganMs = (record?.startedAtMs ?? 0) + Math.max(0, record?.originHeadMs ?? 0);
    if (!saysClose && beganMs > drainedAtMs) run.fail(`the response to ${id}, which was begun in the drain, does not say close`);
    if (record === undefined) run.fail(`request ${id} was answered with ${status} and is not logged`);
    else if (record.status !== status) run.fail(`request ${id} was answered with ${status} and logged with ${record.status}`);
    else if (record.outcome === "completed" && client.isReadingOn && !isWhole && !client.hasSpokenOn(id))
      run.fail(`request ${id} is logged as completed, and its client waits`);
  }
  for (const request of requests) {
    const record = logged.get(request.id);
    if (record !== undefined) checkRecord(run, client, request, record);
  }
  const late = requests.filter(({ id }) => (logged.get(id)?.startedAtMs ?? 0) > drainedAtMs);
  if (late.length > 1) run.fail(`requests ${late.map(({ id }) => id).join(", ")} of one connection were begun after the drain had begun`);
  if (client.isReadingOn) checkTunnel(run, client, logged);
}

function checkRecord(run: Run, client: SimulatedClient, request: RequestPlan, record: AccessRecord): void {
  const { id, route, token } = request;
  const { outcome, startedAtMs, durationMs } = record;
  const endedAtMs = startedAtMs + durationMs;
  const configs = run.configsOf(client, id, endedAtMs);
  // A head that broke off, or came too slowly, was never read as a whole: whom a proxy has named in it is not known.
  const isHeadLess = record.host === "" && record.route === "" && record.client === client.plan.address;
  if (!isHeadLess && !configs.some((config) => clientOf(client.plan, config) === record.client))
    run.fail(`request ${id} is logged with client ${record.client}, and came from ${client.plan.address}`);
  const clients = configs.map((config) => clientOf(client.plan, config));
  const fault =
    faultOfOutcome(outcome, request, configs.map(variantOf), clients) ??
    faultOfPatternEnd(outcome, record.route, request, configs.map(variantOf)) ??
    faultOfRefusal(outcome, request, configs.map(variantOf), startedAtMs);
  if (fault !== null) run.fail(`request ${id} of ${record.route} ends with ${outcome}, ${fault}`);
  if (outcome === "file_failed" && !fileFails(run.seed, id)) run.fail(`request ${id} is cut, and its file is whole`);
  if (outcome === "internal_error" && !mayFail(run.seed, id, route))
    run.fail(`request ${id} ends with an internal error, and no hook fails`);
  if (outcome === "tunnel_idle" && client.leftAtMs < endedAtMs) run.fail(`the tunnel of ${id} stands still for a client that has left`);
  if (
    outcome === "unauthorized" &&
    !asksWho(route) &&
    !run.configsDuring(startedAtMs, endedAtMs).some((config) => !isValid(token, route, config))
  )
    run.fail(`request ${id} is refused with a token that is valid`);
  if (!client.isReadingOn) return;
  if (STANDSTILLS.has(outcome) && isBrisk(run, request, record)) run.fail(`request ${id} ends with ${outcome}, though nobody pauses`);
  if (outcome === "completed" && !client.seen.has(id)) run.fail(`request ${id} is logged as completed, and its client saw nothing`);
}

/** Whether no endpoint, in any attempt, paused for as long as a limit. If the client did not either, nothing may have stood still. */
function isBrisk(run: Run, { id }: RequestPlan, { attempts }: AccessRecord): boolean {
  const { seed, mayBeSilent, misled, misleadsSlowly, arrivals } = run;
  if (mayBeSilent || misled.has(id) || (misleadsSlowly && (arrivals.get(id) ?? 0) < attempts)) return false;
  return Array.from({ length: attempts }, (_, time) => answerTo(seed, id, time)).every(
    ({ delayMs, readPauseMs, pieceBytes, pieceEveryMs, ending }) =>
      delayMs <= IN_TIME_MS && readPauseMs === 0 && (pieceEveryMs === 0 || pieceBytes >= HEAD_BYTES) && ending !== "stall",
  );
}

/** Checks a tunnel whose two sides both sent everything: all of it must have arrived. */
function checkTunnel(run: Run, client: SimulatedClient, logged: ReadonlyMap<number, AccessRecord>): void {
  const { tunnel, plan } = client;
  const request = plan.requests.at(-1);
  if (tunnel === null || request === undefined || run.drainedAtMs(client) !== Infinity) return;
  const { id, tunnelBytes } = request;
  const { bytes, ending } = answerTo(run.seed, id, (run.arrivals.get(id) ?? 1) - 1);
  if (ending !== "whole") return;
  const outcome = logged.get(id)?.outcome;
  if (outcome === "tunnel_idle") run.fail(`the tunnel of ${id} stood still while both sides had something to say`);
  if (outcome !== "tunnel") return;
  const arrived = [tunnel.receivedBytes, run.tunnels.get(id)?.receivedBytes];
  if (arrived[0] !== bytes || arrived[1] !== tunnelBytes) {
    run.fail(`the tunnel of ${id} brought ${arrived.join(" and ")} of ${bytes} and ${tunnelBytes} bytes`);
  }
}
