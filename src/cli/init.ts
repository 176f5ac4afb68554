/** `millrace init`: writes a configuration with comments, for whoever begins. */
import fs from "node:fs";
import path from "node:path";
import { codeOf, messageOf } from "../base/errors.ts";
import { parseConfig } from "../config/load.ts";
import { formatProblem } from "../config/problems/problem.ts";
import { shownFile } from "../config/problems/shown.ts";
import { DEFAULT_FILES } from "./arguments.ts";
import { givenListen, givenTarget, quoted } from "./given-addresses.ts";

export interface InitArguments {
  /** The file to write. */
  readonly file: string;
  readonly listen: string;
  /** URLs of the endpoints of one upstream. */
  readonly upstreams: readonly string[];
  /** Whether a file that is there may be overwritten. */
  readonly force: boolean;
}

/** Gives the exit code: 0 when the file is written, else 1 after the problems. */
export function initCommand(given: InitArguments, out: (text: string) => void, err: (text: string) => void): number {
  const { file, force } = given;
  const problems = /\.ya?ml$/.test(file) ? [] : ["--config: expected a file whose name ends in .yaml"];
  const listen = givenListen(given.listen);
  if (listen.problem !== undefined) problems.push(`--listen: ${listen.problem}`);
  const targets = given.upstreams.map(givenTarget);
  for (const { problem } of targets) if (problem !== undefined) problems.push(`--upstream: ${problem}`);
  if (problems.length === 0) {
    const text = initialConfig(
      listen.value ?? "",
      targets.flatMap(({ value }) => value ?? []),
      fs.existsSync(path.join(path.dirname(file), SCHEMA)) ? SCHEMA : null,
    );
    const parsed = parseConfig(text, file, {}, () => "");
    if ("problems" in parsed) problems.push(...parsed.problems.map(formatProblem));
    else {
      const problem = written(file, text, force);
      if (problem === null) {
        out(`${shownFile(file)} is written; serve it with: millrace run${file === DEFAULT_FILES[0] ? "" : " --config FILE"}\n`);
        for (const warning of parsed.warnings) err(`${formatProblem(warning)}\n`);
        return 0;
      }
      problems.push(problem);
    }
  }
  for (const problem of problems) err(`millrace init: ${problem}\n`);
  return 1;
}

/** Writes the file. Gives null, or why it could not be written. */
function written(file: string, text: string, force: boolean): string | null {
  try {
    fs.writeFileSync(file, text, { flag: force ? "w" : "wx" });
    return null;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return `${shownFile(file)} is there already; --force overwrites it`;
    return `${shownFile(file)} cannot be written (${codeOf(error) || messageOf(error)})`;
  }
}

/** The JSON Schema of the package where it is installed beside the file, for editors with the YAML language server. */
const SCHEMA = "node_modules/millrace/millrace.schema.json";

/**
 * The text of the file. Each key that is commented out is valid as it stands.
 * @param schema path of the JSON Schema, relative to the file; null: there is none
 */
export function initialConfig(listen: string, targets: readonly string[], schema: string | null = null): string {
  return `${schema === null ? "" : `# yaml-language-server: $schema=./${schema}\n`}# A configuration of Millrace. "millrace check" lists what is wrong in it, "millrace run" serves it, and a running
# proxy takes a changed file on SIGHUP. docs/configuration.md describes all keys.

# Where clients connect. ":8080" is port 8080 of all addresses of this machine, "127.0.0.1:8080" is for programs on it only.
listeners:
  - address: ${quoted(listen)}

# Where requests go. The endpoints of an upstream take turns.
upstreams:
  app:
    endpoints:
${targets.map((target) => `      - ${quoted(target)}\n`).join("")}    # An endpoint that fails its probes gets no requests until it passes them again.
    # health_check: { path: /health, interval: 10s }

# Which request goes where. The first route whose conditions hold takes it.
routes:
  # - match: { path: /api/*, methods: [GET, POST] }
  #   # Per address of a client.
  #   rate_limit: { requests_per_minute: 100, burst: 10 }
  #   # Only pages of these origins may read the answers.
  #   cors: { allowed_origins: ["https://app.example.com"], allowed_methods: [GET, POST] }
  #   # Requests need a token, here the value of an environment variable.
  #   authentication: { tokens: ["\${API_TOKEN}"] }
  #   max_body: 10MiB
  #   upstream: app
  # The endpoint's own name in Host instead of the client's: for sites elsewhere.
  # - match: { path: /elsewhere/* }
  #   rewrite: { strip_prefix: /elsewhere, host: upstream }
  #   upstream: app
  - upstream: app

# Health, status and metrics, for this machine only: try "curl http://127.0.0.1:9901/status".
# admin: { address: "127.0.0.1:9901" }

# Without a format, the log is text on a terminal and JSON elsewhere.
# logging: { level: info, format: json, output: stdout, access: true }
`;
}
