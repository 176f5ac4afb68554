import path from "node:path";
import { importsOf, readText } from "./source-files.ts";

/**
 * The circles of imports among the files, type imports included. Each circle is a set of files that all reach each other: a strongly connected
 * component with more than one file, found by Tarjan's algorithm.
 */
export function importCircles(files: readonly string[]): string[][] {
  const known = new Set(files);
  const circles: string[][] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const visit = (file: string): number => {
    const own = order.size;
    order.set(file, own);
    lowest.set(file, own);
    open.push(file);
    for (const module of importsOf(readText(file))) {
      const target = path.posix.join(path.posix.dirname(file), module);
      if (!module.startsWith(".") || !known.has(target)) continue;
      const reached = order.has(target) ? (open.includes(target) ? (order.get(target) ?? own) : own) : visit(target);
      lowest.set(file, Math.min(lowest.get(file) ?? own, reached));
    }
    const low = lowest.get(file) ?? own;
    if (low === own) {
      const circle = open.splice(open.indexOf(file));
      if (circle.length > 1) circles.push(circle);
    }
    return low;
  };
  for (const file of files) if (!order.has(file)) visit(file);
  return circles;
}
