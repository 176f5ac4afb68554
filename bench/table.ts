/** The result for people. */
import type { Row } from "./measure/round.ts";

const HEAD = ["", "requests/s", "us/request", "user", "kernel", "p50 ms", "p99 ms", "core busy"];

/** Ratios are to the row named `base`; rows without numbers say why. */
export function table(rows: readonly Row[], base: string): string {
  const reference = rows.find(({ name }) => name === base)?.median;
  const head = [...HEAD, `requests/s to ${base}`, `us to ${base}`];
  const lines = [head, ...rows.map((row) => cells(row, reference))];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line.length === head.length ? (line[column] ?? "").length : 0))));
  widths[0] = Math.max(...rows.map(({ name }) => name.length));
  return lines
    .map((line) =>
      line.map((cell, column) =>
        column === 0 || line.length < head.length ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      ),
    )
    .map((line) => line.join("  ").trimEnd())
    .join("\n");
}

function cells({ name, median, problem }: Row, reference: Row["median"]): string[] {
  if (median === undefined) return [name, problem ?? ""];
  const { requestsPerSecond, user, kernel, p50, p99, busy } = median;
  return [
    name,
    requestsPerSecond.toFixed(0),
    (user + kernel).toFixed(1),
    user.toFixed(1),
    kernel.toFixed(1),
    p50.toFixed(2),
    p99.toFixed(2),
    `${(busy * 100).toFixed(0)} %`,
    reference === undefined ? "-" : (requestsPerSecond / reference.requestsPerSecond).toFixed(2),
    reference === undefined ? "-" : ((user + kernel) / (reference.user + reference.kernel)).toFixed(2),
  ];
}
