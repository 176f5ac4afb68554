/** What the files hold that TLS towards endpoints names. It is read with a configuration, and again whenever one of the files changes. */
import { createHash } from "node:crypto";
import type { Config } from "../../config/schema/schema.ts";
import type { UpstreamTlsConfig } from "../../config/schema/tls/upstream-tls-schema.ts";
import type { AppLog } from "../../observe/app-log.ts";
import { filesOf, upstreamTls } from "../../shared/upstream-tls.ts";
import type { TlsOfUpstreams, UpstreamMaterial, UpstreamTls } from "../../shared/upstream-tls.ts";
import type { CertificateWatch, UsedCertificate } from "./certificate-watch.ts";
import { FollowedMaterial } from "./followed-material.ts";
import type { MaterialNeeds } from "./followed-material.ts";
import type { CertificateFiles } from "./read-material.ts";

export interface UpstreamCertificatesOptions {
  readonly log: Pick<AppLog, "info" | "error">;
  readonly watch: Pick<CertificateWatch, "use" | "fileRead" | "fileRefused">;
  /** Epoch milliseconds. */
  readonly epochMs: () => number;
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
  private readonly material: FollowedMaterial;
  /** What threads know, by the files. */
  private materials: ReadonlyMap<string, UpstreamMaterial> = new Map();
  /** The upstreams of the configuration that is in use. */
  private upstreams: Upstreams = {};
  /** The settings whose files are in use, and during a reload those of the new configuration too. */
  private wanted: readonly UpstreamTlsConfig[] = [];

  constructor(options: UpstreamCertificatesOptions) {
    this.options = options;
    const { log, watch, epochMs, after, changed } = options;
    this.material = new FollowedMaterial({
      log,
      watch,
      epochMs,
      after,
      judges: "endpoints",
      changed: () => {
        this.tell();
        changed();
      },
    });
  }

  /** Reads what upstreams need that may come into use, and tells it to all threads. Returns what is wrong, one line each: then nothing has changed. */
  prepare(upstreams: Upstreams): readonly string[] {
    const more = withFiles(upstreams);
    const { problems, fresh } = this.material.read(needsOf(more));
    if (problems.length > 0) return problems;
    this.wanted = [...this.wanted, ...more];
    if (fresh || more.some((config) => !this.materials.has(filesOf(config)))) this.tell();
    return [];
  }

  /** The upstreams of the configuration that is in use now: what others needed is forgotten. */
  keep(upstreams: Upstreams): void {
    this.upstreams = upstreams;
    this.wanted = withFiles(upstreams);
    this.material.keep(needsOf(this.wanted));
    const files = new Set(this.wanted.map(filesOf));
    if (files.size < this.materials.size) this.tell();
    else this.use();
  }

  /** How connections to endpoints of a configuration are secured that was prepared. */
  tlsOf(config: UpstreamTlsConfig): UpstreamTls {
    return upstreamTls(config, this.materials);
  }

  /** What all upstreams need, for a thread that starts. */
  current(): TlsOfUpstreams {
    return [...this.materials];
  }

  stop(): void {
    this.material.stop();
  }

  private tell(): void {
    this.materials = new Map(this.wanted.map((config) => [filesOf(config), this.materialOf(config)]));
    this.use();
    this.options.tell([...this.materials]);
  }

  private use(): void {
    this.options.watch.use(
      "upstream",
      Object.entries(this.upstreams).flatMap(([name, { tls }]) => this.usedBy(name, tls)),
    );
  }

  private usedBy(name: string, tls: UpstreamTlsConfig): readonly UsedCertificate[] {
    const files = pairIn(tls);
    const pair = files === null ? undefined : this.material.pair(files);
    if (pair === undefined) return [];
    const { names, keyKind: key, chain } = pair;
    return [{ of: name, names, key, chain, isRenewed: false }];
  }

  private materialOf(config: UpstreamTlsConfig): UpstreamMaterial {
    const files = pairIn(config);
    const pair = files === null ? null : this.material.pair(files);
    const trust = this.material.trust(config);
    if (pair === undefined || trust === undefined) throw new Error("the files of TLS towards endpoints were not read");
    const { ca, crl } = trust;
    const certificate = pair === null ? null : { chain: pair.chain, key: pair.key };
    // The key is left out: its certificate stands for it.
    const known = JSON.stringify([ca, crl, certificate?.chain ?? null]);
    return { id: createHash("sha256").update(known).digest("base64"), ca, crl, certificate };
  }
}

function withFiles(upstreams: Upstreams): readonly UpstreamTlsConfig[] {
  return Object.values(upstreams).flatMap(({ tls }) => (filesOf(tls) === "" ? [] : [tls]));
}

function needsOf(configs: readonly UpstreamTlsConfig[]): MaterialNeeds {
  return { pairs: configs.flatMap((config) => pairIn(config) ?? []), trusts: configs };
}

/** The certificate that endpoints are shown; null: none. */
function pairIn({ cert_file: file, key_file: keyFile, key_passphrase: passphrase }: UpstreamTlsConfig): CertificateFiles | null {
  return file === undefined ? null : { cert_file: file, key_file: keyFile, key_passphrase: passphrase };
}
