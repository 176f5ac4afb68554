/** How the provider is asked: with bounds that no library sets, whatever fetches. */

/** `fetch`, or what stands in its place. It must keep to `signal`, and not follow redirects where `redirect` is `manual`. */
export type ProviderFetch = (url: string, init: RequestInit) => Promise<Response>;

/** The provider did not answer, or said that it cannot: another attempt may help. */
export class ProviderUnavailable extends Error {
  override readonly name = "ProviderUnavailable";
}

/** Documents, key sets and tokens have some kilobytes. */
const BODY_BYTES_MAX = 512 * 1024;
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * `fetch` with a bounded body and no redirects, which rejects with a {@link ProviderUnavailable} when there is no answer, or one of a provider
 * that fails (429, 5xx).
 */
export function boundedFetch(fetch: ProviderFetch): ProviderFetch {
  return async (url, init) => {
    const response = await fetch(url, { ...init, redirect: "manual" }).catch((error: unknown) => {
      throw new ProviderUnavailable(atHost(url, reasonOf(error)), { cause: error });
    });
    if (response.status === 429 || response.status >= 500) {
      await response.body?.cancel();
      throw new ProviderUnavailable(`${hostOf(url)}: answers ${response.status}`);
    }
    const body = await wholeBody(response, url);
    return new Response(NO_BODY.has(response.status) ? null : body, { status: response.status, headers: response.headers });
  };
}

async function wholeBody(response: Response, url: string): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const part of response.body ?? []) {
      length += part.length;
      // Leaving the loop cancels the body.
      if (length > BODY_BYTES_MAX) throw new ProviderUnavailable(`${hostOf(url)}: the answer is larger than ${BODY_BYTES_MAX} bytes`);
      parts.push(part);
    }
  } catch (error) {
    if (error instanceof ProviderUnavailable) throw error;
    throw new ProviderUnavailable(atHost(url, reasonOf(error)), { cause: error });
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The reason with the host that it is about, which whoever has fetched may have named. */
function atHost(url: string, reason: string): string {
  const host = hostOf(url);
  return reason.startsWith(`${host} `) ? reason : `${host}: ${reason}`;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "the provider";
}

/** What went wrong, in one line: `fetch` says why in the cause of its error. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== "" ? error.cause.message : error.message;
}
