/** `millrace explain --file`: what the proxy would do with each request of a file, or whether that is what the file expects. */
import { DISK, Explainer } from "../explain/explainer.ts";
import type { Course } from "../explain/explainer.ts";
import { isAsExpected, labelOf, outcomeOf } from "../explain/expected-course.ts";
import type { KeySetOf } from "../explain/read-credential-files.ts";
import { readRequestLines } from "../explain/request-lines.ts";
import type { RequestLine } from "../explain/request-lines.ts";
import { hiddenValues, shownTarget } from "../explain/shown-request.ts";
import type { Config } from "../config/schema/schema.ts";

export interface ExplainFileArguments {
  /** The name of the file, for messages. */
  readonly name: string;
  readonly text: string;
  /** Whether to compare with what the file expects. */
  readonly expects: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Absent: key servers are not asked. */
  readonly keySetOf?: KeySetOf;
}

/**
 * Without `expects`: writes each request with what becomes of it to `out`. With it: writes each one that is not as expected to `err`. Resolves
 * with 0, or with 1 if a line cannot be read or something is not as expected.
 */
export async function explainFile(
  config: Config,
  { name, text, expects, environment, keySetOf }: ExplainFileArguments,
  out: (text: string) => void,
  err: (text: string) => void,
): Promise<number> {
  const disk = { ...DISK, keySetOf };
  const explainer = await Explainer.of(config, environment, disk);
  // What is shown has no values of the environment.
  const hiding = await Explainer.of(config, hiddenValues(environment), disk);
  const lines = readRequestLines(text);
  let wrong = lines.length === 0 ? 1 : 0;
  if (lines.length === 0) err(`${name}: there are no requests in it\n`);
  for (const each of lines) {
    const problem = await problemOf(each);
    if (problem === null) continue;
    wrong++;
    err(`${name}:${each.line}: ${problem}\n`);
  }
  if (expects && lines.length > 0) conclude(lines.length, wrong);
  return wrong === 0 ? 0 : 1;

  async function problemOf(each: (typeof lines)[number]): Promise<string | null> {
    if ("problem" in each) return each.problem;
    const course = await explainer.courseOf(each.request);
    if (typeof course === "string") return course;
    const shown = await hiding.courseOf(each.request);
    if (typeof shown === "string") return shown;
    if (expects) return mismatch(each, course, shown);
    out(`${each.text} => ${outcomeOf(shown)}\n`);
    return null;
  }

  function conclude(count: number, wrongCount: number): void {
    if (wrongCount === 0) out(`${count} ${count === 1 ? "request is" : "requests are"} as expected\n`);
    else err(`${wrongCount} of ${count} ${count === 1 ? "request" : "requests"} ${wrongCount === 1 ? "is" : "are"} not as expected\n`);
  }
}

/** @param shown the course without what may be secret */
function mismatch({ request, expected }: RequestLine, course: Course, shown: Course): string | null {
  if (expected === null) return "nothing is expected of it: end the line with => and what is";
  if (isAsExpected(expected, course)) return null;
  const route = expected.route === null ? "" : `route ${labelOf(shown) === "" ? "none" : labelOf(shown)} `;
  return `${request.method} ${shownTarget(request.url)}: expected ${shownTarget(expected.text)}, found ${route}${outcomeOf(shown)}`;
}
