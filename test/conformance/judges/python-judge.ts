/** Python's `http.server`; the program is python-judge.py. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Judge, JudgeKind } from "./judge.ts";

const PROGRAM = fileURLToPath(new URL("python-judge.py", import.meta.url));

export const pythonJudge: JudgeKind = {
  name: "Python http.server",
  missing: () => (spawnSync("python3", ["--version"], { stdio: "ignore" }).status === 0 ? null : "python3 is not installed"),
  start,
  limits: [{ why: "http.client reads 100 fields at most", applies: ({ fields }) => fields.length > 100 }],
};

async function start(): Promise<Judge> {
  const child = spawn("python3", [PROGRAM], { stdio: ["pipe", "pipe", "ignore"] });
  const [line]: unknown[] = await once(child.stdout, "data");
  const port = Number(String(line));
  if (!Number.isInteger(port) || port === 0) throw new Error(`python3 said ${String(line)}`);
  return {
    port,
    stop: async () => {
      child.stdin.end();
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}
