import fs from "node:fs";
import os from "node:os";
import path from "node:path";

/**
 * Writes a text to a file that nobody else can change or replace, hands over its path, and removes it when what is done with it is over. The folder in which the
 * authority lies may belong to somebody else, who could replace `root.pem` after it was checked and before a command reads it.
 */
export async function withPrivateCopy<Result>(text: string, use: (file: string) => Promise<Result>): Promise<Result> {
  // Node makes it for its owner alone.
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-trust-"));
  try {
    const file = path.join(folder, "root.pem");
    fs.writeFileSync(file, text, { mode: 0o600, flag: "wx" });
    return await use(file);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
