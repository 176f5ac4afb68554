/** The certificate of the admin address, and what its clients' certificates are verified with. Both are read again when a file changes. */
import { constants } from "node:crypto";
import type { SecureContextOptions } from "node:tls";
import { CIPHERS, CURVES } from "../../config/schema/tls/cipher-lists.ts";
import type { AdminTlsConfig } from "../../config/schema/tls/admin-tls-schema.ts";
import type { AppLog } from "../../observe/app-log.ts";
import { readPair, readTrust } from "../certificates/read-material.ts";
import { FollowedFiles } from "../named-files/followed-files.ts";
import type { Reading } from "../named-files/followed-files.ts";

/** What the server of the admin address needs for TLS. */
export interface AdminTls {
  readonly context: SecureContextOptions;
  /** Whether clients are asked for a certificate, and need one; null: they are not asked. */
  readonly clients: "required" | "optional" | null;
}

export interface AdminCertificatesOptions {
  readonly log: Pick<AppLog, "info" | "error">;
  /** A file has changed, and what was made of it is in use from now on. */
  readonly changed: () => void;
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
}

export class AdminCertificates {
  private readonly files: FollowedFiles<SecureContextOptions>;

  constructor({ log, changed, after }: AdminCertificatesOptions) {
    this.files = new FollowedFiles({
      after,
      changed: (key) => {
        changed();
        log.info("certificate_file_read", `${fileIn(key)} changed: the admin address uses the new version`, { file: fileIn(key) });
      },
      refused: (key, problems) => {
        log.error("certificate_file_refused", `the old version stays in use: ${problems.join("; ")}`, { file: fileIn(key) });
      },
    });
  }

  /** Reads what a configuration needs that may come into use. Returns what is wrong, one line each: then nothing has changed. */
  read(tls: AdminTlsConfig | undefined): readonly string[] {
    if (tls === undefined) return [];
    return this.files.read(new Map([[keyOf(tls), { files: filesOf(tls), read: () => contextOf(tls) }]])).problems;
  }

  /** TLS of the configuration that is in use now: what others needed is forgotten. */
  keep(tls: AdminTlsConfig | undefined): void {
    this.files.keep(new Set(tls === undefined ? [] : [keyOf(tls)]));
  }

  /** What was read; null: the configuration has no TLS there. */
  of(tls: AdminTlsConfig | undefined): AdminTls | null {
    if (tls === undefined) return null;
    const context = this.files.valueOf(keyOf(tls));
    if (context === undefined) throw new Error("the certificate of the admin address was not read");
    return { context, clients: tls.client_certificates?.mode ?? null };
  }

  stop(): void {
    this.files.stop();
  }
}

function contextOf(tls: AdminTlsConfig): Reading<SecureContextOptions> {
  const pair = readPair(tls);
  if (!("value" in pair)) return { problems: [`admin.tls.${pair.key}: ${pair.problem}`], mayBeHalf: pair.mayBeHalf === true };
  const { client_certificates: clients } = tls;
  const trust = clients === undefined ? null : readTrust(clients);
  if (trust !== null && !("value" in trust)) return { problems: [`admin.tls.client_certificates.${trust.key}: ${trust.problem}`] };
  const { chain: cert, key } = pair.value;
  const { ca, crl } = trust?.value ?? { ca: null, crl: null };
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
  return { value: context };
}

function filesOf({ cert_file: file, key_file: keyFile = file, client_certificates: clients }: AdminTlsConfig): readonly string[] {
  const all = [file, keyFile, clients?.ca_file, clients?.crl_file];
  return [...new Set(all.filter((each) => each !== undefined))];
}

/** Paths hold no NUL. Only the first path is ever shown. */
function keyOf(tls: AdminTlsConfig): string {
  const {
    cert_file: file,
    key_file: keyFile = file,
    key_passphrase: passphrase = "",
    min_version: version,
    client_certificates: clients,
  } = tls;
  return [file, keyFile, passphrase, version, clients?.ca_file ?? "", clients?.crl_file ?? ""].join("\0");
}

function fileIn(key: string): string {
  return key.split("\0", 1)[0] ?? "";
}
