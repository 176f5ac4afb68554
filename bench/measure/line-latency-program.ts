/**
 * Walks through 16 MiB of memory, more than the caches of one core hold. Each cache line says where the next one is, so no line can be fetched ahead.
 * Prints the nanoseconds per step.
 */
const LINES = (16 << 20) / 64;
const CELLS_A_LINE = 16;
const STEPS = 1_000_000;

/** The memory: the first cell of each line has the index of the next line. One round trip over all lines in random order (Sattolo's shuffle). */
function path(): Int32Array {
  const order = Int32Array.from({ length: LINES }, (_, line) => line);
  for (let last = LINES - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * last);
    const line = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = line;
  }
  const cells = new Int32Array(LINES * CELLS_A_LINE);
  for (const [line, next] of order.entries()) cells[line * CELLS_A_LINE] = next * CELLS_A_LINE;
  return cells;
}

function walk(cells: Int32Array, from: number, steps: number): number {
  let at = from;
  for (let step = 0; step < steps; step++) at = cells[at] ?? 0;
  return at;
}

const cells = path();
// Once around first, for the caches and V8's compilers.
const at = walk(cells, walk(cells, 0, LINES / 2), LINES / 2);
const startedAt = performance.now();
const end = walk(cells, at, STEPS);
const nanoseconds = ((performance.now() - startedAt) * 1e6) / STEPS;
// The result must be used, or the compiler could leave out the walk.
if (end % CELLS_A_LINE !== 0) throw new Error("the walk left its path");
process.stdout.write(`${nanoseconds.toFixed(1)}\n`);
