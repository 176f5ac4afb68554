/** The certificate of the admin address, and what its clients' certificates are verified with. Both are read again when a file changes. */
import { constants } from "node:crypto";
import type { SecureContextOptions } from "node:tls";
import { CIPHERS, CURVES } from "../../config/schema/tls/cipher-lists.ts";
import type { AdminTlsConfig } from "../../config/schema/tls/admin-tls-schema.ts";
import type { AppLog } from "../../observe/app-log.ts";
import type { CertificateWatch } from "../certificates/certificate-watch.ts";
import { FollowedMaterial } from "../certificates/followed-material.ts";
import type { MaterialNeeds } from "../certificates/followed-material.ts";

/** What the server of the admin address needs for TLS. */
export interface AdminTls {
  readonly context: SecureContextOptions;
  /** Whether clients are asked for a certificate, and need one; null: they are not asked. */
  readonly clients: "required" | "optional" | null;
}

/** An admin address as the configuration has it. */
export interface AdminSettings {
  readonly address: string;
  readonly tls?: AdminTlsConfig | undefined;
}

export interface AdminCertificatesOptions {
  readonly log: Pick<AppLog, "info" | "error">;
  readonly watch: Pick<CertificateWatch, "use" | "fileRead" | "fileRefused">;
  /** Epoch milliseconds. */
  readonly epochMs: () => number;
  /** A file has changed, and what was made of it is in use from now on. */
  readonly changed: () => void;
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
}

export class AdminCertificates {
  private readonly material: FollowedMaterial;
  private readonly watch: AdminCertificatesOptions["watch"];
  /** What is in use now. */
  private current: AdminSettings | undefined = undefined;

  constructor(options: AdminCertificatesOptions) {
    this.watch = options.watch;
    const changed = (): void => {
      this.use();
      options.changed();
    };
    this.material = new FollowedMaterial({ ...options, changed });
  }

  /** Reads what a configuration needs that may come into use. Returns what is wrong, one line each: then nothing has changed. */
  read(admin: AdminSettings | undefined): readonly string[] {
    return this.material.read(needsOf(admin)).problems.map((problem) => `admin.tls: ${problem}`);
  }

  /** The admin address of the configuration that is in use now: what others needed is forgotten. */
  keep(admin: AdminSettings | undefined): void {
    this.current = admin;
    this.material.keep(needsOf(admin));
    this.use();
  }

  /** What was read; null: the configuration has no TLS there. */
  of(tls: AdminTlsConfig | undefined): AdminTls | null {
    if (tls === undefined) return null;
    const { client_certificates: clients } = tls;
    const pair = this.material.pair(tls);
    const { ca = null, crl = null } = (clients === undefined ? undefined : this.material.trust(clients)) ?? {};
    // Without trusted certificates every client would be let in.
    if (pair === undefined || (clients !== undefined && ca === null)) throw new Error("the files of the admin address were not read");
    const { chain: cert, key } = pair;
    const context = {
      cert,
      key,
      minVersion: tls.min_version === "1.3" ? "TLSv1.3" : "TLSv1.2",
      ciphers: CIPHERS.join(":"),
      ecdhCurve: CURVES.join(":"),
      // A session that is resumed would be judged by the trust of its first handshake.
      secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
      ...(ca === null ? {} : { ca }),
      ...(crl === null ? {} : { crl }),
    } as const;
    return { context, clients: clients?.mode ?? null };
  }

  stop(): void {
    this.material.stop();
  }

  private use(): void {
    const { address: of = "", tls } = this.current ?? {};
    const pair = tls === undefined ? undefined : this.material.pair(tls);
    this.watch.use("admin", pair === undefined ? [] : [{ of, names: pair.names, key: pair.keyKind, chain: pair.chain, isRenewed: false }]);
  }
}

function needsOf(admin: AdminSettings | undefined): MaterialNeeds {
  const tls = admin?.tls;
  if (tls === undefined) return {};
  return { pairs: [tls], trusts: tls.client_certificates === undefined ? [] : [tls.client_certificates] };
}
