/** What must hold of everything that Millrace sends to an origin, whatever the client said (docs/forwarding.md). */
import { originMark, switches } from "./recorder.ts";
import type { OriginStream } from "./recorder.ts";
import type { Answer } from "./strict-answers.ts";
import { listMembers, valuesOf } from "./strict-grammar.ts";
import type { StrictRequest } from "./strict-requests.ts";

/** Fields that end at this hop or that a client must not claim; the proxy makes none of them anew. */
const NEVER = [
  "keep-alive",
  "proxy-connection",
  "http2-settings",
  "proxy",
  "proxy-authorization",
  "forwarded",
  "x-forwarded-port",
  "x-real-ip",
  "x-forwarded-prefix",
  "x-forwarded-method",
  "x-forwarded-uri",
  "x-original-url",
  "x-rewrite-url",
];

/** What is wrong with a forwarded request, whose client spoke from `peer`, by `scheme`, and is not trusted. */
export function faultsOfForwarded(request: StrictRequest, peer: string, scheme: "http" | "https" = "http"): string[] {
  const { fields } = request;
  const faults: string[] = [];
  for (const { name, key } of fields) {
    if (NEVER.includes(key)) faults.push(`${name} was forwarded`);
    if (key.includes("_")) faults.push(`a name with an underscore was forwarded: ${name}`);
  }
  const only = (key: string, expected: RegExp): void => {
    const values = valuesOf(fields, key);
    if (values.length !== 1 || !expected.test(values[0] ?? "")) faults.push(`${key} is ${JSON.stringify(values)}`);
  };
  only("x-forwarded-for", new RegExp(`^${peer.replaceAll(".", "\\.")}$`));
  only("x-forwarded-proto", new RegExp(`^${scheme}$`));
  // The proxy's own mark is the last: without it the bytes were passed through and not forwarded.
  const via = listMembers(valuesOf(fields, "via")).at(-1) ?? "";
  if (!/^1\.[01] millrace$/.test(via)) faults.push(`Via ends with ${JSON.stringify(via)}`);

  const connection = listMembers(valuesOf(fields, "connection"));
  const upgrade = valuesOf(fields, "upgrade");
  const te = valuesOf(fields, "te");
  const shape = JSON.stringify([connection, upgrade.map((value) => value.toLowerCase()), te.map((value) => value.toLowerCase())]);
  const allowed = [
    [[], [], []],
    [["upgrade"], ["websocket"], []],
    [["te"], [], ["trailers"]],
  ];
  if (!allowed.some((one) => JSON.stringify(one) === shape)) faults.push(`Connection, Upgrade and TE are ${shape}`);
  return faults;
}

/**
 * One request in, one request out, one answer back: every complete request at the origin has its answer at a client, in order, and
 * every answer that bears the origin's mark belongs to one. `finals`: all final answers of the clients, in order.
 */
export function faultsOfPairing(streams: readonly OriginStream[], finals: readonly Answer[]): string[] {
  const complete = new Map(streams.flatMap((stream) => stream.requests.map((request, place) => [originMark(stream, place), request])));
  // The corpus: paths under /early are answered before the body, which then need not come.
  const early = new Set(
    streams.filter(({ restHead }) => /^[A-Z]+ \/early/.test(restHead)).map((stream) => originMark(stream, stream.requests.length)),
  );
  const answered = new Set<string>();
  const faults: string[] = [];
  for (const mark of finals.flatMap(({ fields }) => valuesOf(fields, "x-origin"))) {
    if (answered.has(mark)) faults.push(`answer ${mark} was given twice`);
    if (!complete.has(mark) && !early.has(mark)) faults.push(`answer ${mark} belongs to no complete request`);
    answered.add(mark);
  }
  for (const [mark, { wire }] of complete) {
    if (!answered.has(mark)) faults.push(`request ${mark} at the origin was answered to nobody: ${JSON.stringify(wire.slice(0, 1000))}`);
  }
  return faults;
}

/** Faults of the bytes themselves, stream by stream. */
export function faultsOfStreams(streams: readonly OriginStream[], peer: string, scheme: "http" | "https" = "http"): string[] {
  return streams.flatMap((stream) => {
    const { requests, fault, rest } = stream;
    const faults = requests.flatMap((request) => faultsOfForwarded(request, peer, scheme));
    if (fault !== null) faults.push(`malformed at the origin: ${fault}`);
    // Behind a request to switch, nothing until the origin has switched (RFC 9110 section 7.8, CVE-2026-2833).
    const switched = requests.findIndex(switches);
    if (switched >= 0 && (switched < requests.length - 1 || rest !== "")) faults.push("bytes behind a request to switch, before the 101");
    return faults;
  });
}
