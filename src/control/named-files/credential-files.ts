/**
 * Keeps files with credentials as they are: read with the configuration, and again within two seconds after they have changed, without any command. A version
 * that is wrong, missing or empty changes nothing: the one of before stays in use, and the log says so once. Nothing of their content is ever shown.
 */
import type { CredentialPlace } from "../../config/feature-files.ts";
import { shownFile } from "../../config/problems/shown.ts";
import type { AppLog } from "../../observe/app-log.ts";
import type { SentCredentials } from "../../shared/credential-files.ts";
import { FollowedFiles, inOneLine } from "./followed-files.ts";
import type { Followed, Reading } from "./followed-files.ts";
import { readCredentials } from "./read-credentials.ts";

export interface CredentialFilesOptions {
  readonly log: Pick<AppLog, "info" | "error">;
  /** Called when some file has another text. */
  readonly changed: () => void;
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
}

export class CredentialFilesOnDisk {
  private readonly options: CredentialFilesOptions;
  private readonly files: FollowedFiles<SentCredentials>;
  private versions: number = 0;

  constructor(options: CredentialFilesOptions) {
    this.options = options;
    this.files = new FollowedFiles({
      after: options.after,
      changed: (path) => this.changed(path),
      refused: (path, problems) => this.refused(path, problems),
    });
  }

  /** Reads the files of a configuration that may come into use. Returns what is wrong, one line each: then nothing has changed. */
  read(places: readonly CredentialPlace[]): readonly string[] {
    const { problems, fresh } = this.files.read(new Map(places.map((place) => [place.path, this.followed(place)])));
    if (fresh) this.options.changed();
    return problems;
  }

  /** The files of the configuration that is in use now: others are forgotten. */
  keep(places: readonly CredentialPlace[]): void {
    if (this.files.keep(new Set(places.map(({ path }) => path)))) this.options.changed();
  }

  current(): readonly SentCredentials[] {
    return this.files.values();
  }

  stop(): void {
    this.files.stop();
  }

  private followed({ path, read }: CredentialPlace): Followed<SentCredentials> {
    return {
      files: [path],
      read: (): Reading<SentCredentials> => {
        const found = readCredentials({ path, read });
        return "problems" in found ? found : { value: { path, version: ++this.versions, text: found.text } };
      },
    };
  }

  private refused(path: string, problems: readonly string[]): void {
    this.options.log.error("credentials_refused", `the credentials of before stay in use: ${inOneLine(problems)}`, { file: path });
  }

  private changed(path: string): void {
    this.options.changed();
    this.options.log.info("credentials_read", `${shownFile(path)} has changed and is in use`, { file: path });
  }
}
