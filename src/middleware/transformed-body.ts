/** What a middleware that changes the bodies of responses has to do to the heads. */
import type { RequestChanges, ResponseChanges } from "../http/head-edits.ts";
import { DIGESTS } from "../http/content.ts";

/**
 * Asks the endpoint for a body that a stage can read: the whole one, without compression. For `onUpstreamRequest`. An endpoint may send
 * another one nevertheless, see {@link isEncoded} and the status 206.
 */
export function requestPlainBody(request: RequestChanges): void {
  request.set("Accept-Encoding", "identity");
  request.remove("range");
  request.remove("if-range");
}

/**
 * Adapts the fields of a response whose body a stage changes, for `onResponse`: digests and `Accept-Ranges` are removed, and the ETag
 * becomes weak, because it was made for other bytes. A 304 to such a response needs it too, so that its ETag stays the same.
 */
export function markTransformed(response: ResponseChanges): void {
  for (const name of DIGESTS) response.remove(name);
  response.remove("accept-ranges");
  const tag = response.head?.get("etag");
  if (tag !== undefined && !tag.startsWith("W/")) response.set("ETag", `W/${tag}`);
}
