/**
 * Keeps secrets as their sources are, while a configuration is in use that names them: files are looked at, programs run again. A version that cannot be
 * used changes nothing: the value of before stays in use, and the log says so once.
 */
import { statSync } from "node:fs";
import path from "node:path";
import { secretValues, sourceKey, withSecretValues } from "../../config/placed-secrets.ts";
import type { ChangedRoute, SecretPlaces } from "../../config/placed-secrets.ts";
import { shownFile } from "../../config/problems/shown.ts";
import { firstLine } from "../../config/secret-values.ts";
import type { Config } from "../../config/schema/schema.ts";
import type { AppLog } from "../../observe/app-log.ts";
import type { SecretCommand, SecretSource } from "../../values/secret-source.ts";
import { lineOf, readSecretText } from "../named-files/config-files.ts";
import { FollowedFiles } from "../named-files/followed-files.ts";
import type { Followed, Reading } from "../named-files/followed-files.ts";
import type { ReloadOutcome } from "../outcomes.ts";
import { shownProgram } from "./run-command.ts";
import type { CommandNews, SecretCommands } from "./secret-commands.ts";

export interface FollowedSecretsOptions {
  readonly log: Pick<AppLog, "info" | "error">;
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
  /** Absent: no configuration names programs. */
  readonly commands: SecretCommands | undefined;
  /**
   * Brings a configuration into use.
   * @param routes set where it differs from the one in use in secrets alone: the routes in which they stand
   */
  readonly bringIntoUse: (config: Config, routes?: readonly ChangedRoute[]) => Promise<ReloadOutcome>;
  /** The configuration in use. */
  readonly config: () => Config;
  /** Runs a change after those of the configuration that are under way. */
  readonly inTurn: (change: () => Promise<void>) => Promise<void>;
}

/** Time until changes are brought into use, so that those that come together are one change. */
const GATHER_MS = 20;
/** First and longest time until a change is tried again that could not be brought into use, such as a passphrase whose key is still the old one. */
const [RETRY_MS, RETRY_MS_MAX] = [1000, 30_000];
/** Tries until the log says that a change could not be brought into use: whoever replaces two files may be in between. */
const SILENT_TRIES = 3;

export class FollowedSecrets {
  private readonly options: FollowedSecretsOptions;
  private readonly files: FollowedFiles<string>;
  /** Those of the configuration in use. */
  private places: SecretPlaces = [];
  /** Those of a configuration that is made ready. */
  private next: SecretPlaces = [];
  private cancelUse: (() => void) | null = null;
  /** How often values have been tried that could not be brought into use, by their sources. */
  private readonly tries: Map<string, { readonly value: string; times: number }> = new Map();
  private isStopped: boolean = false;

  constructor(options: FollowedSecretsOptions) {
    this.options = options;
    this.files = new FollowedFiles({
      after: options.after,
      changed: () => this.planUse(GATHER_MS),
      refused: (key, problems) => this.refused(key, problems),
    });
  }

  /**
   * Reads what a configuration needs that may come into use. Returns the same with the values of now, or what is wrong, one line each: then nothing has
   * changed. In each case {@link settle} follows.
   */
  prepare(config: Config, places: SecretPlaces): { readonly config: Config } | { readonly problems: readonly string[] } {
    this.next = places;
    const { problems } = this.files.read(this.followed(places));
    if (problems.length > 0) return { problems };
    return { config: withSecretValues(config, places, this.valuesOf(places)).config };
  }

  /**
   * Ends what {@link prepare} has begun: the secrets that are not in use are forgotten.
   * @param isUsed whether the configuration that was made ready is in use now; else it was refused
   */
  settle(isUsed: boolean): void {
    if (isUsed) this.places = this.next;
    this.next = [];
    if (this.isStopped) return;
    const { places } = this;
    this.files.keep(new Set(this.followed(places).keys()));
    const used = new Set(places.map(({ source }) => sourceKey(source)));
    for (const key of this.tries.keys()) if (!used.has(key)) this.tries.delete(key);
    const commands = places.flatMap(({ source }) => (source.kind === "command" ? [source] : []));
    this.options.commands?.keep(commands, this.commandNews);
    // What has changed while the configuration was made ready.
    if (withSecretValues(this.options.config(), places, this.valuesOf(places)).isChanged) this.planUse(GATHER_MS);
  }

  /** Brings another configuration into use, with the secrets of now. */
  async reload(config: Config, places: SecretPlaces): Promise<ReloadOutcome> {
    const read = this.prepare(config, places);
    const outcome: ReloadOutcome =
      "problems" in read ? { kind: "refused", lines: read.problems } : await this.options.bringIntoUse(read.config);
    this.settle(outcome.kind === "reloaded");
    return outcome;
  }

  stop(): void {
    this.isStopped = true;
    this.cancelUse?.();
    this.cancelUse = null;
    this.files.stop();
    this.options.commands?.stop();
  }

  private readonly commandNews: CommandNews = {
    fault: (key, value) => this.faultOf(key, value),
    changed: () => this.planUse(GATHER_MS),
    refused: (key, problem) => this.refused(key, [problem]),
  };

  private followed(places: SecretPlaces): ReadonlyMap<string, Followed<string>> {
    const all = new Map<string, Followed<string>>();
    for (const { source } of places) {
      // A pipe can be read once only.
      if (source.kind !== "file" || !isRegular(source.path)) continue;
      const key = sourceKey(source);
      all.set(key, { files: [source.path], read: () => this.read(key, source.path) });
    }
    return all;
  }

  private read(key: string, file: string): Reading<string> {
    try {
      const value = firstLine(readSecretText(file));
      if (value === "") return { problems: [`the first line of the file ${shownFile(file)} is empty`] };
      const fault = this.faultOf(key, value);
      return fault === null ? { value } : { problems: [`the first line of the file ${shownFile(file)}: ${fault}`] };
    } catch (error) {
      return { problems: [lineOf(error)] };
    }
  }

  /** What is wrong with a value for the places in which it would stand. */
  private faultOf(key: string, value: string): string | null {
    for (const { source, fault } of [...this.places, ...this.next]) {
      const found = sourceKey(source) === key ? fault(value) : null;
      if (found !== null) return found;
    }
    return null;
  }

  private valuesOf(places: SecretPlaces): ReadonlyMap<string, string> {
    return new Map(
      places.flatMap(({ source }) => {
        const key = sourceKey(source);
        const value = source.kind === "file" ? this.files.valueOf(key) : this.options.commands?.valueOf(key);
        return value === undefined ? [] : [[key, value] as const];
      }),
    );
  }

  private planUse(ms: number): void {
    if (this.isStopped) return;
    this.cancelUse?.();
    this.cancelUse = this.options.after(ms, () => {
      this.cancelUse = null;
      void this.options.inTurn(() => this.use());
    });
  }

  /** Brings the values of now into use: all that have changed at once, and where that is not possible each for itself. */
  private async use(): Promise<void> {
    const { places } = this;
    const values = this.valuesOf(places);
    const inUse = secretValues(this.options.config(), places);
    const changed = [...values].filter(([key, value]) => inUse.get(key) !== value);
    if (changed.length === 0 || this.isStopped) return;
    const together = await this.tryOut(new Map(changed));
    const refusals = new Map<string, readonly string[]>();
    if (together !== null) {
      for (const [key, value] of changed) {
        const refusal = changed.length === 1 ? together : await this.tryOut(new Map([[key, value]]));
        if (refusal !== null) refusals.set(key, refusal);
      }
    }
    for (const [key, value] of changed) {
      const refusal = refusals.get(key);
      if (refusal === undefined) this.used(key);
      else this.failed(key, value, refusal);
    }
    if (refusals.size === 0) return;
    const times = Math.min(...[...refusals.keys()].map((key) => this.tries.get(key)?.times ?? 1));
    this.planUse(Math.min(RETRY_MS * 2 ** (times - 1), RETRY_MS_MAX));
  }

  private async tryOut(values: ReadonlyMap<string, string>): Promise<readonly string[] | null> {
    const { config, routes } = withSecretValues(this.options.config(), this.places, values);
    const outcome = await this.options.bringIntoUse(config, routes);
    return outcome.kind === "refused" ? outcome.lines : null;
  }

  private used(key: string): void {
    this.tries.delete(key);
    const source = this.sourceOf(key);
    if (source === undefined) return;
    this.options.log.info("secret_read", `${shownSource(source)} has another secret: it is in use`, fieldsOf(source));
  }

  private failed(key: string, value: string, refusal: readonly string[]): void {
    const before = this.tries.get(key);
    const times = (before?.value === value ? before.times : 0) + 1;
    this.tries.set(key, { value, times });
    if (times === SILENT_TRIES) this.refused(key, refusal);
  }

  private refused(key: string, problems: readonly string[]): void {
    const source = this.sourceOf(key);
    if (source === undefined) return;
    this.options.log.error("secret_refused", `the old secret stays in use: ${problems.join("; ")}`, fieldsOf(source));
  }

  private sourceOf(key: string): SecretSource | undefined {
    return this.places.find(({ source }) => sourceKey(source) === key)?.source;
  }
}

/** Places whose files have absolute paths. */
export function absoluteSecrets(places: SecretPlaces, folder: string): SecretPlaces {
  return places.map((place) =>
    place.source.kind === "file" ? { ...place, source: { ...place.source, path: path.resolve(folder, place.source.path) } } : place,
  );
}

function isRegular(file: string): boolean {
  const kind = statSync(file, { throwIfNoEntry: false });
  return kind === undefined || kind.isFile() || kind.isDirectory();
}

function shownSource(source: SecretSource): string {
  return source.kind === "file" ? shownFile(source.path) : `the program ${programOf(source)}`;
}

function fieldsOf(source: SecretSource): { readonly file: string } | { readonly program: string } {
  return source.kind === "file" ? { file: shownFile(source.path) } : { program: programOf(source) };
}

function programOf({ exec: [program = ""], hidden }: SecretCommand): string {
  return shownProgram(program, hidden);
}
