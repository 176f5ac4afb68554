/**
 * `npm run dev`: runs the demo and starts it again when its code has changed. After each change it runs the tests that the change can break:
 * unit tests first, then those that start the proxy. A change during the tests starts them again.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, watch } from "node:fs";
import path from "node:path";
import { ROOT } from "../test/support/source-files.ts";
import { affectedTests, readersOf } from "./affected.ts";

/** Wait after the last change: editors write a file in several steps, and a switch of branches changes many files. */
const QUIET_MS = 150;
const WATCHED = ["src", "test", "bench", "fuzz", "scripts", "docs", "examples", "deploy"];

class Dev {
  private demo: ChildProcess | null = null;
  private tests: ChildProcess | null = null;
  private readonly changed: Set<string> = new Set();
  private quiet: NodeJS.Timeout | undefined;

  begin(): void {
    for (const folder of WATCHED) {
      watch(path.join(ROOT, folder), { recursive: true }, (_, name) => {
        if (name !== null) this.note(`${folder}/${name.replaceAll(path.sep, "/")}`);
      });
    }
    this.demo = start("src/main.ts", "demo");
    console.log("dev: watching; the demo starts");
  }

  end(): void {
    this.demo?.kill();
    this.tests?.kill();
  }

  private note(file: string): void {
    if (!/\.(ts|mjs|json|ya?ml|md)$/.test(file) || !existsSync(path.join(ROOT, file))) return;
    this.changed.add(file);
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => void this.react(), QUIET_MS);
  }

  private async react(): Promise<void> {
    const changed = [...this.changed];
    this.tests?.kill();
    const ofProgram = changed.filter((file) => /^src\/.*(?<!\.test|\.fixture)\.ts$/.test(file));
    console.log(`\ndev: ${changed.join(", ")}`);
    if (ofProgram.length > 0) await this.restartDemo();
    const affected = affectedTests(changed, readersOf()).filter((file) => !/^test\/(e2e|soak|conformance)\//.test(file));
    const [units, others] = [affected.filter((file) => !file.startsWith("test/")), affected.filter((file) => file.startsWith("test/"))];
    console.log(`dev: ${units.length} unit test files, then ${others.length} of test/`);
    for (const files of [units, others]) {
      if (files.length === 0) continue;
      const tests = start("scripts/test.ts", "--failures", ...files);
      this.tests = tests;
      const code = await new Promise<number | null>((resolve) => tests.once("exit", resolve));
      // Another change has begun its own run.
      if (this.tests !== tests || tests.killed) return;
      if (code !== 0) return console.log("dev: failed; waiting for the next change");
    }
    this.changed.clear();
    console.log("dev: passed; waiting for the next change");
  }

  private async restartDemo(): Promise<void> {
    const { demo } = this;
    if (demo !== null && demo.exitCode === null) {
      demo.kill();
      await new Promise((resolve) => demo.once("exit", resolve));
    }
    this.demo = start("src/main.ts", "demo");
  }
}

function start(...given: readonly string[]): ChildProcess {
  return spawn(process.execPath, given, { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"] });
}

const dev = new Dev();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    dev.end();
    process.exit(0);
  });
}
dev.begin();
