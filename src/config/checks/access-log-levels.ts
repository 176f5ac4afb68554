/** What `logging.access` means for routes that have `access_log`, and for the format of the log. */
import type { AccessLogConfig } from "../access-log/access-log-schema.ts";
import type { Config } from "../schema/schema.ts";

/**
 * Gives each route that has `access_log` all settings that hold for it: its own, and what it leaves out as `logging.access` says. Where lines are texts
 * of a template, the format is text unless the configuration says otherwise.
 */
export function withAccessLog(config: Config): Config {
  const { logging } = config;
  const routes = config.routes.map((route) =>
    route.access_log === undefined ? route : { ...route, access_log: joined(logging.access, route.access_log) },
  );
  const isText = logging.format === undefined && [logging.access, ...routes.map((route) => route.access_log)].some(hasTemplate);
  return { ...config, routes, logging: isText ? { ...logging, format: "text" } : logging };
}

function joined(all: AccessLogConfig, own: AccessLogConfig): AccessLogConfig {
  if (own === false || typeof all === "boolean") return own;
  if (own === true) return all;
  // A template takes the place of the other keys, so one of the wider place would hide those of the route.
  const choosesFields = own.fields ?? own.omit ?? own.request_headers ?? own.response_headers;
  const { template, ...others } = all;
  return { ...others, ...(template === undefined || choosesFields !== undefined ? {} : { template }), ...own };
}

function hasTemplate(settings: AccessLogConfig | undefined): boolean {
  return typeof settings === "object" && settings.template !== undefined;
}
