/** The oldest Node that package.json allows, installed by npm in a folder of its own, because both versions name their program `node`. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { ROOT } from "./source-files.ts";

const FOLDER = path.join(ROOT, "test/e2e/lowest-node");
const run = promisify(execFile);

/** The path of that Node's program. The first call installs it; rejects if the registry cannot be reached. */
export async function lowestNode(): Promise<string> {
  const program = path.join(FOLDER, "node_modules/node/bin/node");
  if (!existsSync(program)) await run("npm", ["ci", "--prefer-offline", "--no-audit", "--no-fund", "--no-progress"], { cwd: FOLDER });
  return program;
}
