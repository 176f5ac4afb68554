import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { messageOf } from "../base/errors.ts";
import type { Logger, ProxyError } from "./options/options.ts";
import { errorResponsePlugin } from "./plugins.ts";
import { ProxyServer } from "./options/proxy-server.ts";

/**
 * Tells the listeners of `error`. Without any the client gets the answer that it gets by default. A listener that throws costs its client the
 * connection, and the logger is told.
 */
export function tellError(
  server: ProxyServer,
  logger: Logger,
  given: unknown,
  req: IncomingMessage,
  res: ServerResponse | Socket,
  target?: URL,
): void {
  const error: ProxyError = given instanceof Error ? given : new Error(messageOf(given));
  try {
    if (server.listenerCount("error") > 0) server.emit("error", error, req, res, target);
    else answerByDefault(error, req, res);
  } catch (thrown) {
    logger.error(`[HPM] a listener of the event error has failed: ${messageOf(thrown)}`);
    res.destroy();
  }
}

function answerByDefault(error: ProxyError, req: IncomingMessage, res: ServerResponse | Socket): void {
  const server = new ProxyServer();
  errorResponsePlugin(server, {});
  server.emit("error", error, req, res);
}
