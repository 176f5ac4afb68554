/** A proxy under comparison: how its configuration is written and how it is started. */
export interface RivalSetup {
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
  /** The origin that it forwards to, on 127.0.0.1. */
  readonly originPort: number;
  /** An empty folder of its own for configuration and temporary files. */
  readonly folder: string;
}

export interface Rival {
  readonly name: string;
  /** What it needs and this machine lacks, with the command that installs it; null when it can run. */
  readonly missing: () => string | null;
  /** Of what is installed; "" where it does not tell. Only for one that is not missing. */
  readonly version: () => string;
  /** Writes its files and returns the command line that runs it in the foreground. */
  readonly prepare: (setup: RivalSetup) => readonly string[];
  /** It runs on the load's core, too, where its own is not enough for what it is to show. */
  readonly bothCores?: boolean;
  /** Its code is compiled while it runs: it takes longer until it is as fast as it gets. */
  readonly compilesItself?: boolean;
  /** The same configuration on another revision of this repository; only Millrace has it. */
  readonly at?: (revision: string) => Rival;
}
