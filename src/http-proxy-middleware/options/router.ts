import type { IncomingMessage, ServerResponse } from "node:http";
import { isPlainObject } from "./plain-object.ts";
import type { Options, ProxyTarget, Router } from "./options.ts";

/** The target that `router` has for a request. Undefined: none, so that `target` counts. */
export async function routedTarget(
  router: Router | undefined,
  request: IncomingMessage,
  response: ServerResponse | undefined,
  options: Options,
): Promise<ProxyTarget | undefined> {
  if (typeof router === "function") return (await router(request, response, options)) ?? undefined;
  if (router === undefined || !isPlainObject(router)) return undefined;
  const host = request.headers.host ?? "";
  const path = request.url ?? "";
  for (const [key, target] of Object.entries(router)) if (isFor(key, host, path)) return target;
  return undefined;
}

/** @param key `host`, `/path` or `host/path`; the host must be the whole, the path is the beginning of one */
function isFor(key: string, host: string, path: string): boolean {
  const slash = key.indexOf("/");
  if (slash < 0) return key === host;
  return (slash === 0 || key.slice(0, slash) === host) && path.startsWith(key.slice(slash));
}
