/**
 * Checks the ids of requests: a request has the same one at every endpoint that it comes to, in its response and in the log, and no other request has it.
 * Whether that is one that the client has brought depends on the route, and on who the client is.
 */
import type { FieldSection } from "../src/http/field-section.ts";
import type { RequestPlan } from "./plan.ts";

/** What becomes of the ids that a request brings: they pass as they are, one is believed, or another one is made. */
export type IdRule = "passes" | "believed" | "made";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** `request_id` of the plain route `a`, by the variant of the configuration. */
const PLAIN = ["{ trust: any }", "true", "false"] as const;

/** The further key of a plain route, in runs that have one. */
export function requestIdOf(isChosen: boolean, route: "a", variant: number): string {
  return isChosen && route === "a" ? `, request_id: ${PLAIN[variant]}` : "";
}

/** @param isTrusted whether the client is a trusted proxy */
export function idRule(isChosen: boolean, route: string, variant: number, isTrusted: boolean): IdRule {
  if (route !== "again" && route !== "edited" && (route !== "a" || !isChosen || variant === 2)) return "passes";
  return isTrusted || (route === "a" && variant === 0) ? "believed" : "made";
}

export class RequestIds {
  private readonly fail: (message: string) => void;
  /** By the number of the request. */
  private readonly known: Map<number, string> = new Map();
  private readonly owners: Map<string, number> = new Map();

  constructor(fail: (message: string) => void) {
    this.fail = fail;
  }

  /** A request has come to an endpoint. @param rules those that may hold for it */
  arrived(request: RequestPlan, head: FieldSection, rules: ReadonlySet<IdRule>): void {
    const ids = head.values("x-request-id");
    if (!rules.has("passes") || ids.join(" | ") !== request.requestIds.join(" | ")) this.check(request, ids, rules, "at an endpoint");
  }

  /** @param isOwn whether the proxy answers itself; it may do so before there is a route */
  answered(request: RequestPlan, head: FieldSection, isOwn: boolean, rules: ReadonlySet<IdRule>): void {
    const ids = head.values("x-request-id");
    if (ids.length > 0 || (!isOwn && !rules.has("passes"))) this.check(request, ids, rules, "in its response");
  }

  logged(request: number, id: string): void {
    const known = this.known.get(request);
    if (known !== undefined && known !== id) this.fail(`request ${request} is logged with the id ${id}, and had ${known}`);
  }

  private check(
    { id: request, requestIds: [told = "", ...others] }: RequestPlan,
    ids: readonly string[],
    rules: ReadonlySet<IdRule>,
    where: string,
  ): void {
    const [id = "", ...more] = ids;
    const mayBelieve = others.length === 0 && /^[a-z0-9-]+$/.test(told);
    const isRight =
      (rules.has("believed") && mayBelieve && id === told) ||
      ((rules.has("made") || (rules.has("believed") && !mayBelieve)) && UUID.test(id));
    const known = this.known.get(request);
    const owner = this.owners.get(id);
    if (more.length > 0 || !isRight) this.fail(`request ${request} has the ids ${ids.join(" | ")} ${where}, by ${[...rules].join(" or ")}`);
    else if (known !== undefined && known !== id) this.fail(`request ${request} has the id ${id} ${where}, and had ${known}`);
    else if (owner !== undefined && owner !== request) this.fail(`requests ${owner} and ${request} have the same id`);
    this.known.set(request, id);
    this.owners.set(id, request);
  }
}
