/** `millrace check`: checks a configuration without starting anything. */
import type { Problem } from "../config/problems/problem.ts";
import type { Config } from "../config/schema/schema.ts";
import { routeLabel } from "../config/checks/route-label.ts";
import { shownFile } from "../config/problems/shown.ts";
import { FEATURES } from "../features/features.ts";
import { moduleAddress } from "../modules/module-address.ts";
import { lowPortProblem } from "../control/system/low-ports.ts";
import { entriesOf } from "../policy/route/conditions.ts";
import type { RouteConditions } from "../policy/route/conditions.ts";
import { textOfConfig } from "./config-file.ts";
import { loadOnce, notRunInWords } from "./load-once.ts";
import { problemReport } from "./problem-report.ts";
import { tlsInWords, untilInWords } from "./shown-certificates.ts";

export interface CheckArguments {
  readonly file: string;
  /** Whether warnings count as errors. */
  readonly strict: boolean;
  /** Whether to run the programs that print secrets. Absent: no. */
  readonly exec?: boolean;
  /** What else to try with a configuration that is fine; resolves with the exit code. */
  readonly tryOut?: ((config: Config) => Promise<number>) | undefined;
  readonly format: "text" | "json";
  readonly colours: boolean;
}

/**
 * As text: writes problems and warnings to `err`, each with its line of the file, and a summary of a configuration that is fine to `out`. As
 * JSON: writes one document to `out`. Resolves with 0, or with 1 when the configuration is wrong.
 */
export async function checkCommand(given: CheckArguments, out: (text: string) => void, err: (text: string) => void): Promise<number> {
  const { file, strict, exec, format, colours } = given;
  const loaded = await loadOnce(file, exec === true, { asked: { portProblem: (port) => lowPortProblem(port) } });
  const { programsNotRun = 0 } = loaded;
  const found = "config" in loaded ? loaded.warnings : loaded.problems;
  const problems = strict ? found.map((problem): Problem => ({ ...problem, severity: "error" })) : found;
  const isFine = problems.every(({ severity }) => severity === "warning");
  if (format === "json") {
    out(jsonReport(problems, programsNotRun));
    return isFine ? 0 : 1;
  }
  err(problemReport(problems, { textOf: textOfConfig, colours }));
  if (!isFine || !("config" in loaded)) return 1;
  const notRun = programsNotRun === 0 ? [] : [`  ${notRunInWords(programsNotRun)}`];
  out([`${file} is fine`, ...included(loaded.files), ...summary(loaded.config), ...notRun].map((line) => `${line}\n`).join(""));
  return given.tryOut?.(loaded.config) ?? 0;
}

/** The document of `--format json`. */
function jsonReport(problems: readonly Problem[], programsNotRun: number): string {
  const entries = problems.map(({ file, line, column, key, message, severity }) => ({ file, line, column, key, message, severity }));
  const errors = problems.filter(({ severity }) => severity === "error").length;
  return `${JSON.stringify({ problems: entries, errors, warnings: problems.length - errors, programs_not_run: programsNotRun }, null, 2)}\n`;
}

function adminInWords({ tls }: NonNullable<Config["admin"]>): string {
  if (tls === undefined) return "";
  const { client_certificates: clients } = tls;
  return `, TLS${untilInWords([tls])}${clients === undefined ? "" : `, client certificates ${clients.mode}`}`;
}

/** The certificate that endpoints are shown. */
function shownToEndpoints({ cert_file: file, ...tls }: Config["upstreams"][string]["tls"]): string {
  return file === undefined ? "" : `, shown a certificate${untilInWords([{ ...tls, cert_file: file }])}`;
}

/** Most included files that are named. */
const FILES_SHOWN_MAX = 20;

function included([, ...files]: readonly string[]): string[] {
  const more = files.length > FILES_SHOWN_MAX ? [`  and ${files.length - FILES_SHOWN_MAX} more files`] : [];
  return [...files.slice(0, FILES_SHOWN_MAX).map((file) => `  included ${file}`), ...more];
}

function summary(config: Config): string[] {
  const { listeners, upstreams, routes, admin } = config;
  return [
    ...listeners.map(({ address, tls }) => `  listener ${address}${tls === undefined ? "" : `, ${tlsInWords(tls)}`}`),
    ...Object.entries(upstreams).map(([name, { endpoints, balance, health_check: check, tls }]) => {
      const probes = check === undefined ? "not probed" : check.path === undefined ? "probed by connecting" : `probed at ${check.path}`;
      return `  upstream ${name}: ${endpoints.length} ${endpoints.length === 1 ? "endpoint" : "endpoints"}, ${balance}, ${probes}${shownToEndpoints(tls)}`;
    }),
    ...routes.map((route, index) => {
      const own = [...config.middleware, ...(route.middleware ?? [])].map(({ use }) => moduleAddress(use).name);
      const acts = (key: (typeof ACTING)[number]): boolean => route[key] !== undefined || isOnSide(route, key);
      const features: readonly string[] = [...ACTING.filter(acts), ...own];
      return `  route ${routeLabel(route, index)}: ${conditions(route)} ${endOf(route)}${features.length === 0 ? "" : `, with ${features.join(", ")}`}`;
    }),
    ...(admin === undefined ? [] : [`  admin ${admin.address}${adminInWords(admin)}`]),
  ];
}

/** What may act on a route's requests, in the order in which it does. */
const ACTING = [
  ...FEATURES.filter(({ facts }) => facts.endsRoute !== true).map(({ key }) => key),
  ...(["max_body", "buffer", "timeouts", "retry", "hold"] as const),
];

/** Whether it acts on requests for an upstream of the route's `split`. What stands at the top or in an upstream is kept with each of them. */
function isOnSide({ split = [] }: Config["routes"][number], key: (typeof ACTING)[number]): boolean {
  return split.some((side) => Object.hasOwn(side, key));
}

/** The conditions of a route, in a few words. Values of fields are left out: a proxy in front may send a shared secret in a field. */
function conditions(route: Config["routes"][number]): string {
  const entries = entriesOf(route).map(conditionsOf);
  return entries.length === 1 ? (entries[0] ?? "") : entries.map((entry) => `(${entry})`).join(" or ");
}

function conditionsOf({
  host,
  path,
  path_regex: pattern,
  methods,
  headers = {},
  query = {},
  client_ip: clients,
  client_certificate: certificate,
  not,
}: RouteConditions): string {
  const named = [...Object.entries(headers), ...Object.entries(query).map(([name, value]) => [`?${name}`, value] as const)];
  const parts = [
    methods?.join("|"),
    host?.join("|"),
    path?.join("|"),
    pattern === undefined ? undefined : `path_regex ${pattern}`,
    ...named.map(([name, value]) => `${name}: ${value === "*" ? "*" : "..."}`),
    clients === undefined ? undefined : `from ${clients.join("|")}`,
    certificate === undefined ? undefined : "with a client certificate",
    not === undefined ? undefined : "with exceptions",
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? "everything" : parts.join(" ");
}

/** What becomes of the route's requests, in a few words. */
function endOf({ upstream, split, mirror, redirect, respond, files }: Config["routes"][number]): string {
  const copies = mirror === undefined ? "" : `, copied to ${mirror.upstream}`;
  if (upstream !== undefined) return `to ${upstream}${copies}`;
  if (split !== undefined) return `to ${split.map((side) => `${side.upstream} (${side.weight})`).join(" or ")}${copies}`;
  if (files !== undefined) return `from the files of ${shownFile(files.root)}`;
  return redirect === undefined ? `answered with ${respond?.status ?? 200}` : `redirected with ${redirect.status}`;
}
