/** Formats results as a text table. */
import type { Row } from "./measure/round.ts";

const HEAD = ["", "requests/s", "us/request", "user", "kernel", "p50 ms", "p99 ms", "p99.9 ms", "peak MiB", "core busy"];

/** The table of the rows. Ratios are relative to the row named `base`; rows without numbers say why. */
export function table(rows: readonly Row[], base: string): string {
  const reference = rows.find(({ name }) => name === base)?.median;
  return align([[...HEAD, `requests/s to ${base}`, `us to ${base}`], ...rows.map((row) => cells(row, reference))]);
}

/** Aligns columns: the first to the left, the others to the right. The first line has all columns; the last cell of a shorter line is free text. */
export function align(lines: readonly (readonly string[])[]): string {
  const columns = lines[0]?.length ?? 0;
  const full = lines.filter((line) => line.length === columns);
  const widths = Array.from({ length: columns }, (_, column) => Math.max(...full.map((line) => line[column]?.length ?? 0)));
  widths[0] = Math.max(...lines.map(([name = ""]) => name.length));
  const cell = (text: string, column: number, whole: boolean): string =>
    column === 0 || !whole ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0);
  return lines
    .map((line) =>
      line
        .map((text, column) => cell(text, column, line.length === columns))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function cells({ name, median, problem }: Row, reference: Row["median"]): string[] {
  if (median === undefined) return [name, problem ?? ""];
  const { requestsPerSecond, user, kernel, p50, p99, p999, peak, busy } = median;
  return [
    name,
    requestsPerSecond.toFixed(0),
    (user + kernel).toFixed(1),
    user.toFixed(1),
    kernel.toFixed(1),
    p50.toFixed(2),
    p99.toFixed(2),
    p999.toFixed(2),
    mebibytes(peak),
    `${(busy * 100).toFixed(0)} %`,
    reference === undefined ? "-" : (requestsPerSecond / reference.requestsPerSecond).toFixed(2),
    reference === undefined ? "-" : ((user + kernel) / (reference.user + reference.kernel)).toFixed(2),
  ];
}

export function mebibytes(bytes: number): string {
  return (bytes / (1 << 20)).toFixed(1);
}
