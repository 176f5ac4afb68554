import assert from "node:assert/strict";
import { test } from "node:test";
import { Draw } from "./draw.ts";
import { PATTERN_SETS, drawPatternPath, faultOfPatternEnd, patternPathsOf, patternTexts } from "./patterns.ts";
import { drawPlan } from "./plan.ts";
import type { RequestPlan } from "./plan.ts";

const plain = drawPlan(1).clients[0]?.requests[0];

function requestsTo(count: number): RequestPlan[] {
  assert.ok(plain !== undefined);
  const draw = new Draw(11);
  return Array.from({ length: count }, (_, index) => {
    const path = drawPatternPath(draw, draw.between(1, PATTERN_SETS), index + 1);
    return { ...plain, id: index + 1, method: "GET", route: "patterned", path };
  });
}

/** Whether an exchange of the request on no route, or on one of the routes with this outcome, is right under one of the configurations. */
function mayEnd(request: RequestPlan, outcome: string): boolean {
  const names = outcome === "no_route" ? [""] : Array.from({ length: 9 }, (_, index) => [`p${index}`, `late${index}`]).flat();
  return names.some((name) => faultOfPatternEnd(outcome, name, request, [0, 1, 2]) === null);
}

test("each way that a request may go is among those that are drawn", () => {
  const requests = requestsTo(2000);
  for (const outcome of ["no_route", "redirect", "respond", "bad_rewritten_path", "completed"]) {
    const share = requests.filter((request) => mayEnd(request, outcome)).length;
    assert.ok(share > 50, `${outcome}: ${share}`);
    assert.ok(share < 2000, `${outcome}: ${share}`);
  }
  assert.ok(requests.some((request) => patternTexts(request, [0]).some((text) => /=[a-z]/.test(text))));
  const spelled = requests.map(({ path }) => path?.spelled ?? "");
  const rewritten = requests.filter((request, index) => patternPathsOf(request).some((path) => path !== spelled[index]));
  assert.ok(rewritten.length > 200 && rewritten.length < 1900, `${rewritten.length} are rewritten`);
});
