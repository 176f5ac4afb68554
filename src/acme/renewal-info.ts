/** When an authority wants a certificate to be renewed (ACME Renewal Information, RFC 9773). */
import { property, shown } from "./acme-error.ts";
import type { AcmeClient } from "./acme-client.ts";
import { AcmeFault } from "./acme-error.ts";
import { objectOf, retryAfterMs, timeOf } from "./answer.ts";

/** A time between these is to be drawn. Epoch milliseconds. */
export interface RenewalWindow {
  readonly startMs: number;
  readonly endMs: number;
}

export interface RenewalInfo {
  readonly window: RenewalWindow;
  /** A page that says why, such as that the certificate is revoked; empty: none. */
  readonly explanation: string;
  /** When to ask again, from now. */
  readonly askAgainMs: number;
}

/** Times between two questions. RFC 9773 section 4.3.2 asks for bounds: an authority must neither be flooded nor forgotten on its own word. */
const ASK_MS_MIN = 60_000;
const ASK_MS_MAX = 24 * 3600_000;
const ASK_MS_DEFAULT = 6 * 3600_000;

/** @returns null: the authority does not say, or the certificate has no identifier */
export async function renewalInfo(client: AcmeClient, identifier: string | null): Promise<RenewalInfo | null> {
  const { renewalInfo: base } = await client.directory();
  if (base === null || identifier === null) return null;
  const response = await client.get(`${base.replace(/\/$/, "")}/${identifier}`);
  const document = objectOf(response);
  const suggested = property(document, "suggestedWindow");
  const window = { startMs: timeOf(suggested, "start"), endMs: timeOf(suggested, "end") };
  // Section 4.2: such a window is treated as if there were none.
  if (window.endMs <= window.startMs) throw new AcmeFault("the authority's window for renewal ends before it begins");
  const explanation = property(document, "explanationURL");
  const asked = retryAfterMs(response, client.clock.now()) ?? ASK_MS_DEFAULT;
  return {
    window,
    explanation: typeof explanation === "string" ? shown(explanation) : "",
    askAgainMs: Math.min(Math.max(asked, ASK_MS_MIN), ASK_MS_MAX),
  };
}
