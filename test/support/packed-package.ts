/** The package as it is published, for tests of several files at once. */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { ROOT } from "./source-files.ts";

const run = promisify(execFile);

export interface PackedPackage {
  /** Path of the archive. */
  readonly archive: string;
  /** Paths of the files in it. */
  readonly names: readonly string[];
}

/** What packing does not read, or makes itself. */
const LEFT_OUT = new Set([".git", "node_modules", "dist", "coverage", "bench/results", "test"]);

/** Packs the package into that folder. Works on a copy of the checkout: packing builds `dist` anew, where another test may be packing too. */
export async function packPackage(into: string): Promise<PackedPackage> {
  const copy = await mkdtemp(path.join(tmpdir(), "millrace-checkout-"));
  try {
    const filter = (file: string): boolean => !LEFT_OUT.has(path.relative(ROOT, file)) && path.basename(file) !== "node_modules";
    await cp(ROOT, copy, { recursive: true, filter });
    await symlink(path.join(ROOT, "node_modules"), path.join(copy, "node_modules"));
    // What somebody has installed to run the examples.
    const installed = path.join(copy, "examples/embed/node_modules/installed");
    await mkdir(installed, { recursive: true });
    await writeFile(path.join(installed, "package.json"), "{}");
    const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", into], { cwd: copy });
    const [{ filename, files }] = JSON.parse(stdout.slice(stdout.indexOf("[\n"))) as [{ filename: string; files: { path: string }[] }];
    return { archive: path.join(into, filename), names: files.map((file) => file.path) };
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}
