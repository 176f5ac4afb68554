/**
 * Writes a line such as `listening on http://localhost:8080` to stdout for each listener, whatever the log level is. When stdout is also the output of a JSON
 * log, the line is an event of that log, so that every line there is JSON; else it is plain text for people. A log that goes elsewhere gets
 * the event too.
 */
import type { Config } from "../config/schema/schema.ts";
import type { OpenedListener } from "../control/listeners.ts";
import { createAppLog } from "../observe/app-log.ts";
import type { AppLog } from "../observe/app-log.ts";
import { leadsTo } from "../observe/log-files.ts";
import type { LogSink } from "../observe/sink.ts";
import { listenerUrl } from "../control/listening/listener-url.ts";
import type { Printer } from "./printer.ts";

/** One line per listener in `opened`, and one for the admin address unless `adminUrl` is null. */
export function announce(
  opened: readonly OpenedListener[],
  adminUrl: string | null,
  { logging }: Config,
  printer: Printer,
  sink: LogSink,
  log: AppLog,
): void {
  const lines = opened.map((listener) => ({ what: "listening on", url: listenerUrl(listener) }));
  if (adminUrl !== null) lines.push({ what: "admin on", url: adminUrl });
  if (logging.output === "stdout" && logging.format !== "text") {
    const onStdout = createAppLog({ level: "info", format: "json", write: (line) => sink.write(line), now: Date.now });
    for (const { what, url } of lines) onStdout.info("listening", `${what} ${url}`, { url });
    return;
  }
  // An output such as /dev/stdout would show each line twice.
  const isElsewhere = !leadsTo(logging.output, 1);
  for (const { what, url } of lines) {
    if (logging.output === "stdout") sink.write(`${what} ${url}\n`);
    else printer.out(`${what} ${url}\n`);
    if (isElsewhere) log.info("listening", `${what} ${url}`, { url });
  }
}
