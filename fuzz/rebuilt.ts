/**
 * The judge of heads that were not read: whatever head our reader takes can be built from its names and values, and can be detached, and
 * both say what it says. Throws otherwise.
 */
import { buildRequestHead, buildResponseHead } from "../src/http/build-head.ts";
import { connectionOptions } from "../src/http/connection-options.ts";
import type { FieldSection } from "../src/http/field-section.ts";
import { Known } from "../src/http/known-fields.ts";
import type { RequestHead } from "../src/http/request-head.ts";
import type { ResponseHead } from "../src/http/response-head.ts";

export function checkRequestHead(head: RequestHead): void {
  const { method, forwardTarget: target, version, authority, host, path, hostReplaced } = head;
  const facts = [method, target, version, authority, host, path, hostReplaced];
  const factsOf = (other: RequestHead): unknown[] => {
    const whom = [other.authority, other.host, other.path, other.hostReplaced];
    return [other.method, other.forwardTarget, other.version, ...whom];
  };
  // A Host line that is spelled otherwise than the authority of the target is written anew: it says nothing.
  const isSilent = (index: number): boolean => hostReplaced && head.knownId(index) === Known.host;
  const lines = linesOf(head);
  const built = buildRequestHead(
    { method, target, version, ...(authority === "" ? {} : { authority }) },
    lines.flatMap(([name, value], index) => (isSilent(index) ? [] : [[name, value] as const])),
  );
  const said = lines.filter((_, index) => !isSilent(index));
  same("built", [facts, said, connectionOptions(head)], [factsOf(built), linesOf(built), connectionOptions(built)]);
  const detached = head.detach();
  const own = [facts, lines, head.text, head.target, connectionOptions(head)];
  same("detached", own, [factsOf(detached), linesOf(detached), detached.text, detached.target, connectionOptions(detached)]);
}

export function checkResponseHead(head: ResponseHead): void {
  const { status, reason, version } = head;
  const lines = linesOf(head);
  const built = buildResponseHead(
    { status, reason, version },
    lines.map(([name, value]) => [name, value] as const),
  );
  const factsOf = (other: ResponseHead): unknown[] => [other.status, other.reason, other.version, linesOf(other), connectionOptions(other)];
  same("built", factsOf(head), factsOf(built));
  const detached = head.detach();
  same("detached", [...factsOf(head), head.text, head.present], [...factsOf(detached), detached.text, detached.present]);
}

type Line = readonly [name: string, value: string, known: number];

function linesOf(section: FieldSection): Line[] {
  return Array.from({ length: section.count }, (_, index) => [section.name(index), section.value(index), section.knownId(index)]);
}

function same(what: string, expected: unknown, actual: unknown): void {
  const [one, other] = [JSON.stringify(expected), JSON.stringify(actual)];
  if (one !== other) throw new Error(`the ${what} head says ${other}, the one that was read ${one}`);
}
