/** A git checkout with a package.json, as the release script reads and changes it. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

export class Checkout {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** The version in package.json. */
  version(): string {
    const { version }: { version?: unknown } = JSON.parse(this.read("package.json"));
    return String(version);
  }

  /** Why no release commit with this tag can be made, in words; null if it can. */
  problem(tag: string): string | null {
    if (this.git("status", "--porcelain") !== "") return "there is work that is not committed";
    if (this.git("tag", "--list", tag) !== "") return `there is a tag ${tag} already`;
    return null;
  }

  /** Runs git in the checkout and returns its trimmed output. Throws if git fails. */
  git(...given: readonly string[]): string {
    return execFileSync("git", given, { cwd: this.folder, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
  }

  read(file: string): string {
    return readFileSync(path.join(this.folder, file), "utf8");
  }

  write(file: string, text: string): void {
    writeFileSync(path.join(this.folder, file), text);
  }
}
