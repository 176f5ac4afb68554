/** The admin address over the life of the process: opened at the start, moved by reloads, its certificates followed. */
import type { Config } from "../../config/schema/schema.ts";
import type { AppLog } from "../../observe/app-log.ts";
import { afterMs } from "../after-ms.ts";
import { AdminCertificates } from "./admin-certificates.ts";
import type { AdminCertificatesOptions } from "./admin-certificates.ts";
import type { AdminPages, AdminServer } from "./admin.ts";

type AdminConfig = Config["admin"];

export interface AdminAddressOptions extends Pick<AdminCertificatesOptions, "watch" | "epochMs"> {
  readonly log: Pick<AppLog, "info" | "error">;
  readonly pages: Omit<AdminPages, "access">;
}

/** A change that has been made ready, and is in use after `commit`. One of the two must be called. */
export interface AdminChange {
  /** Returns the URLs of the server that was opened, and of the one that is closed; null: there is none. */
  commit(): { readonly adminUrl: string | null; readonly adminClosed: string | null };
  abandon(): Promise<void>;
}

export class AdminAddress {
  private readonly pages: AdminPages;
  private readonly certificates: AdminCertificates;
  /** The configuration in use. */
  private config: AdminConfig = undefined;
  /** Null: there is no admin address. */
  private server: AdminServer | null = null;
  /** Servers of earlier configurations that are still answering their last requests. */
  private readonly retired: Set<AdminServer> = new Set();

  constructor({ log, watch, epochMs, pages }: AdminAddressOptions) {
    this.pages = { ...pages, access: () => ({ token: this.config?.token, hosts: this.config?.hosts ?? [] }) };
    this.certificates = new AdminCertificates({ log, watch, epochMs, changed: () => this.useTls(), after: afterMs });
  }

  /** Null: there is none. */
  get url(): string | null {
    return this.server?.url ?? null;
  }

  /** Reads the files that a configuration names, and opens its address if that is another one. Rejects with an Error of one plain line. */
  async change(to: AdminConfig): Promise<AdminChange> {
    const problems = this.certificates.read(to);
    if (problems.length > 0) throw new Error(problems.join("; "));
    if (this.config?.address === to?.address) return { commit: () => this.adapt(to), abandon: () => Promise.resolve(this.keep()) };
    let server: AdminServer | null;
    try {
      server = await this.open(to);
    } catch (error) {
      this.keep();
      throw error;
    }
    const abandon = async (): Promise<void> => {
      this.keep();
      await server?.close();
    };
    return { commit: () => this.move(to, server), abandon };
  }

  /** Cuts all connections. */
  async stop(): Promise<void> {
    this.certificates.stop();
    await Promise.all([this.server, ...this.retired].map(async (server) => server?.close()));
  }

  private async open(to: AdminConfig): Promise<AdminServer | null> {
    if (to === undefined) return null;
    const { startAdmin } = await import("./admin.ts");
    return await startAdmin(to.address, this.pages, undefined, this.certificates.of(to.tls));
  }

  private adapt(to: AdminConfig): ReturnType<AdminChange["commit"]> {
    this.config = to;
    this.keep();
    return { adminUrl: null, adminClosed: null };
  }

  private move(to: AdminConfig, server: AdminServer | null): ReturnType<AdminChange["commit"]> {
    const before = this.server;
    this.config = to;
    this.server = server;
    this.keep();
    if (before !== null) {
      this.retired.add(before);
      void before.retire().then(() => this.retired.delete(before));
    }
    return { adminUrl: server?.url ?? null, adminClosed: before?.url ?? null };
  }

  /** Also after a change that was abandoned: it has read files that had changed. */
  private keep(): void {
    this.certificates.keep(this.config);
    this.useTls();
  }

  private useTls(): void {
    this.server?.useTls(this.certificates.of(this.config?.tls));
  }
}
