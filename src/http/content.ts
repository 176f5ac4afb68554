/** What a head says of its body: the type, the coding, the length. */
import type { BodyLength } from "./body-length.ts";
import type { FieldSection } from "./field-section.ts";

/** The type of a message's body in lower case, without parameters: `text/html`. "": it has none. */
export function mediaType(head: FieldSection | null): string {
  return (head?.get("content-type") ?? "").replace(/;.*$/s, "").trim().toLowerCase();
}

/** Whether the body is compressed, or otherwise encoded, so that a stage does not see its text. */
export function isEncoded(head: FieldSection | null): boolean {
  const codings = head?.values("content-encoding").join(",") ?? "";
  return codings.split(",").some((coding) => !/^\s*(?:identity)?\s*$/i.test(coding));
}

/** The length of the body that a valid head has; -1: it is not known before the body ends. */
export function lengthIn(head: FieldSection | null): BodyLength {
  const length = head?.get("content-length");
  return length === undefined || head?.has("transfer-encoding") === true || !/^\d+$/.test(length) ? -1 : Number(length);
}

/** The fields that hold a digest of the body (RFC 9530, and their forerunners). */
export const DIGESTS: readonly string[] = ["content-digest", "repr-digest", "digest", "content-md5"];
