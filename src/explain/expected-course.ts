/** Compares what becomes of a request with what is expected of it (request-lines.ts), and writes it in the same form. */
import { routeLabel } from "../config/checks/route-label.ts";
import type { Course } from "./explainer.ts";
import type { Expectation } from "./request-lines.ts";
import { shownTarget } from "./shown-request.ts";

export function isAsExpected({ route, end: expected }: Expectation, course: Course): boolean {
  if (route !== null && labelOf(course) !== route && `#${(course.route?.position ?? -1) + 1}` !== route) return false;
  if (expected === null) return true;
  const { end } = course;
  if (expected.kind === "upstream") {
    if (end.kind !== "upstream" || (expected.target !== null && targetOf(end.head) !== expected.target)) return false;
    return end.upstream === expected.upstream || mayGoTo(course, expected.upstream);
  }
  if (end.kind === "upstream") return false;
  const status = end.kind === "file" ? 200 : end.answer.status;
  return status === expected.status && (expected.location === null || locationOf(course) === expected.location);
}

/** What becomes of the request, as it would stand after `=>`. Credentials are hidden. */
export function outcomeOf(course: Course): string {
  const { end, request } = course;
  if (end.kind === "file") return "200";
  if (end.kind === "answer") {
    const location = locationOf(course);
    return location === null ? String(end.answer.status) : `${end.answer.status} ${shownTarget(location)}`;
  }
  const target = targetOf(end.head);
  return `upstream ${end.upstream}${target === request?.forwardTarget ? "" : ` ${shownTarget(target)}`}`;
}

/** The route's name, or its position such as `#1`. "": none takes the request. */
export function labelOf({ route }: Course): string {
  return route === null ? "" : routeLabel(route.config, route.position);
}

/** Whether chance may lead the request to that upstream, of a route that splits its requests. */
function mayGoTo({ route }: Course, upstream: string): boolean {
  const sides = route?.split?.sides ?? [];
  return sides.every(({ taken }) => !taken) && sides.some((side) => side.upstream === upstream && side.share > 0);
}

/** The target in the first line of a head. */
function targetOf(head: string): string {
  return head.split(" ", 2)[1] ?? "";
}

function locationOf({ end }: Course): string | null {
  if (end.kind !== "answer") return null;
  return /^location: (.*)$/im.exec(end.lines.replaceAll("\r", ""))?.[1] ?? null;
}
