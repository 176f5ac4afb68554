import type { Config } from "../config/schema/schema.ts";
import type { ListenerConfig } from "../net/accept/listener-context.ts";
import { hasTls } from "../net/accept/own-answers.ts";
import type { ExplainedRequest } from "./read-request.ts";

/**
 * The listener that clients reach by the URL: the first one with TLS for `https:` and for clients with a certificate, else the first one without. Where there
 * is none, the first.
 */
export function reachedListener(
  { listeners, host }: Pick<Config, "listeners" | "host">,
  { url, certificate }: ExplainedRequest,
): ListenerConfig {
  const isSecure = /^https:/i.test(url) || certificate !== undefined;
  const listener = listeners.find((each) => hasTls(each) === isSecure) ?? listeners[0] ?? host;
  if (listener === undefined) throw new Error("a configuration has no listener");
  return listener;
}
