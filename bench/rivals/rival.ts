import type { CertificateFiles } from "./certificate.ts";

/** A rival is a proxy under comparison: how its configuration is written and how it is started. This is what it is given. */
export interface RivalSetup {
  /** The port of 127.0.0.1 on which the proxy listens. */
  readonly port: number;
  /** The port of 127.0.0.1 on which the origin listens. */
  readonly originPort: number;
  /** An empty folder of its own for configuration and temporary files. */
  readonly folder: string;
  /** With these the proxy serves TLS, with the settings in certificate.ts; null: it serves plain HTTP. */
  readonly certificate: CertificateFiles | null;
}

export interface Rival {
  readonly name: string;
  /** What the proxy needs and this machine lacks, with the command that installs it; null if it can run. */
  readonly missing: () => string | null;
  /** The installed version; "" if the program does not tell. Only called if the proxy can run. */
  readonly version: () => string;
  /** Writes its files and returns the command line that runs it in the foreground. */
  readonly prepare: (setup: RivalSetup) => readonly string[];
  /** Whether the proxy may also use the load's core. */
  readonly bothCores?: boolean;
  /** Whether the proxy's code is compiled while it runs, so that it needs a longer warm-up. */
  readonly compilesItself?: boolean;
  /** The same configuration on another revision of this repository; only Millrace has it. */
  readonly at?: (revision: string) => Rival;
}
