/** What the schema of `logging.access` and `routes[].access_log` cannot find. */
import { at, entriesOf, error, listOf, warning } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";

/** @param file the file's content as plain data, not checked yet */
export function accessLogFindings(file: unknown): Finding[] {
  const logging = at(file, "logging");
  const isJson = at(logging, "format") === "json";
  return [
    ...settingsFindings(at(logging, "access"), ["logging", "access"], isJson),
    ...listOf(at(file, "routes")).flatMap((route, index) =>
      settingsFindings(at(route, "access_log"), ["routes", index, "access_log"], isJson),
    ),
  ];
}

/** Keys whose place a template takes. */
const OF_FIELDS = ["fields", "omit", "request_headers", "response_headers"];

function settingsFindings(settings: unknown, path: KeyPath, isJson: boolean): Finding[] {
  if (at(settings, "template") === undefined) return [];
  const findings: Finding[] = [];
  if (isJson)
    findings.push(
      error([...path, "template"], "logging.format is json: a template is for text; `fields` chooses what JSON lines hold", true),
    );
  for (const [key] of entriesOf(settings))
    if (OF_FIELDS.includes(key)) findings.push(warning([...path, key], "it has no effect: `template` says what lines hold", true));
  return findings;
}
