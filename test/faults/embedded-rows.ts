/** What the rows of the fault matrix become when their clients come through a program that embeds the proxy. */
import type { Answer, Expectation, Row } from "./row.ts";

/** How many rows of a theme there are of each kind, so that none is left out unnoticed. */
export interface EmbeddedCounts {
  /** What these expect of a listener, they expect of a program too. */
  readonly same: number;
  /** These expect something else. */
  readonly differ: number;
  /** These cannot run. */
  readonly leftOut: number;
  /** As many of the others cannot run with `proxy.fetch`. */
  readonly notByFetch: number;
}

export function countsOf(rows: readonly Row[]): EmbeddedCounts {
  const running = rows.flatMap(throughHandler);
  const differ = rows.filter(({ throughHost }) => throughHost !== undefined && "expect" in throughHost).length;
  return {
    same: running.length - differ,
    differ,
    leftOut: rows.length - running.length,
    notByFetch: running.length - rows.flatMap(throughFetch).length,
  };
}

/** The row with `proxy.handler` and `proxy.upgrade`; none if it cannot run. */
export function throughHandler(row: Row): readonly Row[] {
  const { throughHost } = row;
  if (throughHost === undefined) return [row];
  return "leftOut" in throughHost ? [] : [{ ...row, ...throughHost, expect: { ...row.expect, ...throughHost.expect } }];
}

/** The row with `proxy.fetch`; none if it cannot run. */
export function throughFetch(row: Row): readonly Row[] {
  if (row.notByFetch !== undefined) return [];
  return throughHandler(row).map((each) => ({ ...each, expect: asResponse(each.expect) }));
}

/** A Response has no interim responses, and says nothing about the connection: whether that goes on is for the program to decide. */
function asResponse(expect: Expectation): Expectation {
  const { answer, client } = expect;
  const isWhole = typeof answer !== "string" && !("cut" in answer);
  const ends = client === "closed" || client === "lingers";
  return { ...expect, answer: withoutInterim(answer), client: isWhole && ends ? "left" : client };
}

function withoutInterim(answer: Answer): Answer {
  return typeof answer !== "string" && "interim" in answer ? { ...answer, interim: [] } : answer;
}
