/** Judges the head of a response by the operation that its request was for, and says whether its body must be checked too. */
import { mayHaveBody } from "../../http/status.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import type { BodyCheck, Operation } from "../../policy/validate/operation.ts";
import { isEncoded } from "./body-coding.ts";
import type { Refusal } from "./refusals.ts";

/** @returns what is wrong, or how the body is to be checked; null: the response is right, and nothing of its body is looked at */
export function judgedResponse(operation: Operation, method: string, head: ResponseHead): Refusal | BodyCheck | null {
  const { status } = head;
  const verdict = operation.responseOf(status, head.values("content-type"));
  if (verdict === "undescribed") return { kind: "faults", faults: [{ in: "status", keyword: "responses" }] };
  if (method === "HEAD" || !mayHaveBody(status) || head.get("content-length") === "0") return null;
  if (verdict === "unsupported") return { kind: "faults", faults: [{ in: "header", name: "Content-Type", keyword: "content" }] };
  if (verdict === "any") return null;
  return isEncoded(head.values("content-encoding")) ? { kind: "encoding" } : verdict;
}

/** Length of a response's body by its head; -1: not known. */
export function lengthOf(head: ResponseHead): number {
  const length = head.get("content-length") ?? "";
  return /^[0-9]{1,15}$/.test(length) ? Number(length) : -1;
}
