/** What a person reads about the problems of a configuration: each with its line of its file, and how many there are. */
import { styleText } from "node:util";
import { excerptOf } from "../config/problems/excerpt.ts";
import { formatProblem } from "../config/problems/problem.ts";
import type { Problem } from "../config/problems/problem.ts";

export interface ReportOptions {
  /** The text of a file; null when no line of it is to be shown. */
  readonly textOf: (file: string) => string | null;
  readonly colours: boolean;
}

/** The report, which ends with a line feed; "" when there are no problems. */
export function problemReport(problems: readonly Problem[], { textOf, colours }: ReportOptions): string {
  if (problems.length === 0) return "";
  const paint: Paint = (style, part) => (colours ? styleText(style, part, { validateStream: false }) : part);
  const texts = new Map([...new Set(problems.map(({ file }) => file))].map((file) => [file, textOf(file)]));
  const lines = problems.flatMap((problem) => {
    const text = texts.get(problem.file) ?? null;
    return [heading(problem, paint), ...(text === null ? [] : excerpt(text, problem, paint))];
  });
  return [...lines, counted(problems), ""].join("\n");
}

/** How many errors and warnings there are: `3 errors, 1 warning`. */
export function counted(problems: readonly Problem[]): string {
  return (["error", "warning"] as const)
    .map((severity) => ({ severity, count: problems.filter((problem) => problem.severity === severity).length }))
    .filter(({ count }) => count > 0)
    .map(({ severity, count }) => `${count} ${severity}${count === 1 ? "" : "s"}`)
    .join(", ");
}

type Paint = (style: "bold" | "dim" | "red" | "yellow", part: string) => string;

function heading(problem: Problem, paint: Paint): string {
  const place = `${problem.file}:${problem.line}:${problem.column}:`;
  const rest = formatProblem(problem).slice(place.length);
  return `${paint("bold", place)}${rest.replace(/^ warning:/, () => ` ${paint("yellow", "warning:")}`)}`;
}

function excerpt(text: string, problem: Problem, paint: Paint): string[] {
  const shown = excerptOf(text, problem);
  if (shown === null) return [];
  const number = String(problem.line).padStart(5);
  const caret = paint(problem.severity === "error" ? "red" : "yellow", "^");
  return [
    `${paint("dim", `${number} |`)} ${shown.line}`,
    `${paint("dim", `${" ".repeat(number.length)} |`)} ${" ".repeat(shown.caret)}${caret}`,
  ];
}
