/** What the files hold that TLS towards endpoints names. It is read with a configuration, and again whenever one of the files changes. */
import type { Config } from "../../config/schema/schema.ts";
import type { UpstreamTlsConfig } from "../../config/schema/tls/upstream-tls-schema.ts";
import type { AppLog } from "../../observe/app-log.ts";
import type { CertificateFileCounts } from "../../observe/certificate-reading.ts";
import { filesOf, upstreamTls } from "../../shared/upstream-tls.ts";
import type { TlsOfUpstreams, UpstreamMaterial, UpstreamTls } from "../../shared/upstream-tls.ts";
import { FollowedFiles } from "../named-files/followed-files.ts";
import type { Followed } from "../named-files/followed-files.ts";
import { asReading, readUpstreamFiles } from "./read-material.ts";

export interface UpstreamCertificatesOptions {
  readonly log: Pick<AppLog, "info" | "error">;
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
  /** Sends what all upstreams need to all threads. */
  readonly tell: (upstreams: TlsOfUpstreams) => void;
  /** Called when a file has changed and threads were told of it. */
  readonly changed: () => void;
}

type Upstreams = Config["upstreams"];

export class UpstreamCertificates {
  private readonly options: UpstreamCertificatesOptions;
  /** By the files and the passphrase. */
  private readonly followed: FollowedFiles<UpstreamMaterial>;
  /** What threads know, by the files. */
  private materials: ReadonlyMap<string, UpstreamMaterial> = new Map();
  /** The upstreams whose files are in use, and during a reload those of the new configuration too. */
  private wanted: readonly UpstreamTlsConfig[] = [];
  private readonly counted: { read: number; refused: number } = { read: 0, refused: 0 };

  constructor(options: UpstreamCertificatesOptions) {
    this.options = options;
    const { log, after, changed } = options;
    this.followed = new FollowedFiles<UpstreamMaterial>({
      after,
      changed: (key) => {
        this.counted.read++;
        const file = this.fileOf(key);
        this.tell();
        changed();
        log.info("certificate_file_read", `${file} changed: new connections use the new version`, { file });
      },
      refused: (key, problems) => {
        this.counted.refused++;
        log.error("certificate_file_refused", `the old version stays in use: ${problems.join("; ")}`, { file: this.fileOf(key) });
      },
    });
  }

  /** Reads what upstreams need that may come into use, and tells it to all threads. Returns what is wrong, one line each: then nothing has changed. */
  prepare(upstreams: Upstreams): readonly string[] {
    const more = withFiles(upstreams);
    const { problems, fresh } = this.followed.read(needsOf(more));
    if (problems.length > 0) return problems;
    this.wanted = [...this.wanted, ...more];
    if (fresh) this.tell();
    return [];
  }

  /** The upstreams of the configuration that is in use now: what others needed is forgotten. */
  keep(upstreams: Upstreams): void {
    this.wanted = withFiles(upstreams);
    if (this.followed.keep(new Set(needsOf(this.wanted).keys()))) this.tell();
  }

  /** How connections to endpoints of a configuration are secured that was prepared. */
  tlsOf(config: UpstreamTlsConfig): UpstreamTls {
    return upstreamTls(config, this.materials);
  }

  /** What all upstreams need, for a thread that starts. */
  current(): TlsOfUpstreams {
    return [...this.materials];
  }

  /** How often files have changed since the start. */
  get counts(): CertificateFileCounts {
    return this.counted;
  }

  stop(): void {
    this.followed.stop();
  }

  private tell(): void {
    const materials = new Map<string, UpstreamMaterial>();
    for (const config of this.wanted) {
      const material = this.followed.valueOf(keyOf(config));
      if (material !== undefined) materials.set(filesOf(config), material);
    }
    this.materials = materials;
    this.options.tell([...materials]);
  }

  /** The first of the files that a key stands for. */
  private fileOf(key: string): string {
    const config = this.wanted.find((each) => keyOf(each) === key);
    return config === undefined ? "" : (filesIn(config)[0] ?? "");
  }
}

function withFiles(upstreams: Upstreams): readonly UpstreamTlsConfig[] {
  return Object.values(upstreams).flatMap(({ tls }) => (filesOf(tls) === "" ? [] : [tls]));
}

function needsOf(configs: readonly UpstreamTlsConfig[]): ReadonlyMap<string, Followed<UpstreamMaterial>> {
  return new Map(
    configs.map((config) => [keyOf(config), { files: filesIn(config), read: () => asReading(readUpstreamFiles(config)) }] as const),
  );
}

function filesIn({ ca_file: ca, crl_file: crl, cert_file: certificate, key_file: key }: UpstreamTlsConfig): readonly string[] {
  return [...new Set([ca, crl, certificate, key].filter((file) => file !== undefined))];
}

function keyOf(config: UpstreamTlsConfig): string {
  return JSON.stringify([filesOf(config), config.key_passphrase]);
}
