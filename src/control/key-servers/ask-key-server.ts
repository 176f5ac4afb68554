/** One question to a key server. */
import { messageOf } from "../../base/errors.ts";
import type { BoundedRequests } from "../outside/bounded-requests.ts";
import type { CredentialPlace } from "../../config/feature-files.ts";

const TIMEOUT_MS = 5000;
const BODY_BYTES_MAX = 256 * 1024;

/** What sends requests to key servers, by Node's client. */
export async function keyServerRequests(version: string): Promise<BoundedRequests> {
  const { boundedRequests } = await import("../outside/bounded-requests.ts");
  return boundedRequests({ userAgent: `millrace/${version}`, ca: () => null, timeoutMs: TIMEOUT_MS, bodyBytesMax: BODY_BYTES_MAX });
}

/** The key set as threads get it, or why there is none. */
export async function askKeyServer(
  { path: url, read }: CredentialPlace,
  { ask }: BoundedRequests,
): Promise<{ readonly text: string } | { readonly problem: string }> {
  try {
    const { status, body } = await ask({
      method: "GET",
      url,
      accept: "application/jwk-set+json, application/json",
    });
    if (status !== 200) return { problem: `it answers ${status}` };
    const found = read(body);
    return "text" in found ? found : { problem: found.problems[0] ?? "its answer cannot be read" };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}
