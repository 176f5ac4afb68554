import type { EmbedHost } from "./embed-host.ts";

export interface FetchedFor {
  /** IP address of the client. Without it nothing is believed of what the request says about its client, and all such requests count as one client. */
  readonly client?: string;
}

/**
 * Answers a request of the web's standard. Resolves when the response's head is there; its body streams.
 * Rejects if the request's signal is aborted before that.
 */
export function handleFetch(_host: EmbedHost, _request: Request, _options: FetchedFor = {}): Promise<Response> {
  return Promise.resolve(new Response(null, { status: 501 }));
}
