/** The closing table. */
import type { SoakReport } from "./soak.ts";

export function reportTable({ books, before, after, log, origin, loadMs, restedRssBytes }: SoakReport): string {
  const lines = ["kind                     outcomes"];
  for (const [kind, counts] of [...books.outcomes].toSorted(([a], [b]) => a.localeCompare(b))) {
    const outcomes = [...counts].toSorted(([a], [b]) => a.localeCompare(b)).map(([outcome, count]) => `${outcome}: ${count}`);
    lines.push(`${kind.padEnd(24)} ${outcomes.join(", ")}`);
  }
  lines.push(
    "",
    `exchanges ${books.exchanges}, tunnels ${books.tunnels} (${books.tunnelsOpened} opened), load ${(loadMs / 1000).toFixed(1)} s`,
    `access log: ${log.lines} lines; ${log.certain} certain, ${log.possible} possible; the origin saw ${origin.requests} requests`,
    `sockets ${before.sockets} -> ${after.sockets}, resident ${mebibytes(before.rssBytes)} -> ${mebibytes(after.rssBytes)} -> ${mebibytes(restedRssBytes)} MiB at rest`,
  );
  for (const [index, was] of before.threads.entries()) {
    const is = after.threads[index];
    if (is === undefined) continue;
    lines.push(
      `thread ${was.thread}: heap ${mebibytes(was.heapBytes)} -> ${mebibytes(is.heapBytes)} MiB (committed ${mebibytes(was.committedBytes)} -> ` +
        `${mebibytes(is.committedBytes)}), buffers ${mebibytes(was.externalBytes)} -> ` +
        `${mebibytes(is.externalBytes)} MiB, timers ${was.resources["Timeout"] ?? 0} -> ${is.resources["Timeout"] ?? 0}`,
    );
  }
  if (books.violationsTotal > 0) {
    lines.push("", `${books.violationsTotal} violations:`, ...books.violations.map((violation) => `  ${violation}`));
  } else lines.push("no violation");
  return lines.join("\n");
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 ** 2).toFixed(2);
}
