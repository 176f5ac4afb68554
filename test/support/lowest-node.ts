/** The oldest Node that package.json allows, as npm brings it: in a folder of its own, for both call their program `node`. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { ROOT } from "./source-files.ts";

const FOLDER = path.join(ROOT, "test/e2e/lowest-node");
const run = promisify(execFile);

/** Its path. It is installed once and stays; rejects where the registry cannot be reached. */
export async function lowestNode(): Promise<string> {
  const program = path.join(FOLDER, "node_modules/node/bin/node");
  if (!existsSync(program)) await run("npm", ["ci", "--prefer-offline", "--no-audit", "--no-fund", "--no-progress"], { cwd: FOLDER });
  return program;
}
