/** Checks that a request of the routes `again` and `edited` has one id: at every endpoint that it comes to, in its response and in the log, and no other request has it. */
import type { FieldSection } from "../src/http/field-section.ts";

/** The routes whose requests have ids. */
const ROUTES = new Set(["again", "edited"]);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export class RequestIds {
  private readonly fail: (message: string) => void;
  /** By the number of the request. */
  private readonly known: Map<number, string> = new Map();
  private readonly owners: Map<string, number> = new Map();

  constructor(fail: (message: string) => void) {
    this.fail = fail;
  }

  /** A request has come to an endpoint. */
  arrived(request: number, route: string, head: FieldSection): void {
    if (ROUTES.has(route)) this.check(request, head.values("x-request-id"), "at an endpoint");
  }

  /** @param isOwn whether the proxy answers itself; it may do so before there is a route */
  answered(request: number, route: string, head: FieldSection, isOwn: boolean): void {
    const ids = head.values("x-request-id");
    if (ROUTES.has(route) && !(isOwn && ids.length === 0)) this.check(request, ids, "in its response");
  }

  logged(request: number, id: string): void {
    if (this.known.has(request)) this.check(request, [id], "in the log");
  }

  private check(request: number, [id = "", ...more]: readonly string[], where: string): void {
    const known = this.known.get(request);
    const owner = this.owners.get(id);
    if (more.length > 0 || !UUID.test(id)) this.fail(`request ${request} has ${more.length + 1} ids ${where}, the first is ${id}`);
    else if (known !== undefined && known !== id) this.fail(`request ${request} has the id ${id} ${where}, and had ${known}`);
    else if (owner !== undefined && owner !== request) this.fail(`requests ${owner} and ${request} have the same id`);
    this.known.set(request, id);
    this.owners.set(id, request);
  }
}
