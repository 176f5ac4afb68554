/**
 * The folder in which accounts, certificates and keys lie (`acme.storage`). Several processes may share it, also over a network file system: each file is
 * written beside its place and then renamed, so that a reader finds the old one or the new one. Folders have mode 0700 and files 0600.
 *
 * ```text
 *   accounts/ID.json         the account with one authority: its key, its URL
 *   certificates/ID.pem      private key, certificate and chain, for programs that take them in one file
 *   certificates/ID.failed   what is known of orders that came to nothing
 *   challenges/TOKEN.json    answers to challenges that are under way (challenges.ts)
 *   locks/ID.lock            who orders what at the moment (storage-lock.ts)
 * ```
 */
import { randomBytes } from "node:crypto";
import fs from "node:fs/promises";
import path from "node:path";
import type { StoredAccount } from "../../acme/account.ts";
import { codeOf, messageOf } from "../../base/errors.ts";
import type { Failures } from "../../policy/renewal/retry-time.ts";

const FOLDERS = ["accounts", "certificates", "challenges", "locks"] as const;
type Folder = (typeof FOLDERS)[number];

/** A larger file is none of ours. */
const FILE_BYTES_MAX = 256 * 1024;

export class AcmeStorage {
  readonly folder: string;
  private isOpen: boolean = false;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes the folders. Rejects with an Error of one plain line where that cannot be, or nothing can be written there. */
  async open(): Promise<void> {
    if (this.isOpen) return;
    try {
      for (const name of FOLDERS) await fs.mkdir(path.join(this.folder, name), { recursive: true, mode: 0o700 });
      // Whether files can be written.
      await this.write("locks", "trial", "");
      await this.remove("locks", "trial");
      this.isOpen = true;
    } catch (error) {
      throw new Error(`${this.folder}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Null: there is none, or what is there is none. */
  async account(id: string): Promise<StoredAccount | null> {
    const value = parsed(await this.read("accounts", `${id}.json`));
    const { key, url, email } = value;
    if (typeof key !== "string" || typeof url !== "string") return null;
    return { key, url, email: typeof email === "string" ? email : null };
  }

  writeAccount(id: string, account: StoredAccount): Promise<void> {
    return this.write("accounts", `${id}.json`, `${JSON.stringify(account, null, 2)}\n`);
  }

  /** Key and chain in one PEM text; null: there is none. */
  certificate(id: string): Promise<string | null> {
    return this.read("certificates", `${id}.pem`);
  }

  writeCertificate(id: string, { key, chain }: { readonly key: string; readonly chain: string }): Promise<void> {
    return this.write("certificates", `${id}.pem`, `${key}${chain}`);
  }

  async failures(id: string): Promise<Failures | null> {
    const { count, lastMs, notBeforeMs } = parsed(await this.read("certificates", `${id}.failed`));
    if (typeof count !== "number" || typeof lastMs !== "number" || typeof notBeforeMs !== "number") return null;
    return { count, lastMs, notBeforeMs };
  }

  writeFailures(id: string, failures: Failures | null): Promise<void> {
    const name = `${id}.failed`;
    return failures === null ? this.remove("certificates", name) : this.write("certificates", name, JSON.stringify(failures));
  }

  /** Names of the files in a folder. Empty where it cannot be read. */
  async names(folder: Folder): Promise<readonly string[]> {
    return fs.readdir(path.join(this.folder, folder)).catch(() => []);
  }

  async read(folder: Folder, name: string): Promise<string | null> {
    try {
      const text = await fs.readFile(this.at(folder, name), "utf8");
      return text.length > FILE_BYTES_MAX ? null : text;
    } catch (error) {
      if (codeOf(error) === "ENOENT") return null;
      throw error;
    }
  }

  async write(folder: Folder, name: string, text: string): Promise<void> {
    const place = this.at(folder, name);
    const beside = `${place}.${randomBytes(6).toString("hex")}.tmp`;
    try {
      const file = await fs.open(beside, "wx", 0o600);
      try {
        await file.writeFile(text);
        // Else a loss of power may leave an empty file under the final name.
        await file.sync();
      } finally {
        await file.close();
      }
      await fs.rename(beside, place);
    } catch (error) {
      await fs.rm(beside, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  async remove(folder: Folder, name: string): Promise<void> {
    await fs.rm(this.at(folder, name), { force: true });
  }

  at(folder: Folder, name: string): string {
    return path.join(this.folder, folder, name);
  }
}

function parsed(text: string | null): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
