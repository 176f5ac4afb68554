/** Draws docs/benchmarks.svg from the first table of docs/benchmarks.md, so that both show the same numbers. */
import { chart } from "./chart.ts";

/** The chart as SVG text. @param page the text of docs/benchmarks.md */
export function chartOfPage(page: string): string {
  const rows = firstTable(page);
  const bars = (...columns: readonly number[]): { name: string; values: number[] }[] =>
    rows.map((row) => ({ name: row[0] ?? "", values: columns.map((column) => Number(row[column])) }));
  return chart("Small responses, 64 kept connections, one worker on one core", [
    { title: "requests per second", parts: ["requests/s"], bars: bars(1) },
    { title: "processor time per request, us", parts: ["user", "kernel"], bars: bars(2, 3) },
  ]);
}

/** The cells of the rows of the page's first table. Its first two lines are the header and the rule. */
function firstTable(page: string): string[][] {
  const lines = /(?:^\|.*\n)+/m.exec(page)?.[0].trimEnd().split("\n") ?? [];
  return lines.slice(2).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
