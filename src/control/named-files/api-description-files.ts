/**
 * Keeps descriptions of APIs as their documents are: read with the configuration, and again within two seconds after one of its files has changed, without
 * any command. A version that cannot be used changes nothing: the one of before stays in use, and the log says so once.
 */
import { readApiDocument } from "../../config/api-description.ts";
import type { PlacedDocument } from "../../config/feature-files.ts";
import { shownFile } from "../../config/problems/shown.ts";
import type { AppLog } from "../../observe/app-log.ts";
import { PathRegexes } from "../../regex/path-regexes.ts";
import { sharedPieces } from "../../shared/api-descriptions.ts";
import type { SentDescription } from "../../shared/api-descriptions.ts";
import { lineOf, readText } from "./config-files.ts";
import { FollowedFiles, inOneLine } from "./followed-files.ts";
import type { Followed, Reading } from "./followed-files.ts";

/** Larger files are refused: the largest documents of public services have some 12 MB. */
export const DOCUMENT_BYTES_MAX: number = 32 * 1024 ** 2;

export interface ApiDescriptionFilesOptions {
  readonly log: Pick<AppLog, "info" | "error" | "warn">;
  /** Sends all descriptions to all threads. */
  readonly tell: (descriptions: readonly SentDescription[]) => void;
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
}

interface ReadDocument {
  readonly sent: SentDescription;
  readonly operations: number;
  /** What is not checked. */
  readonly unsupported: readonly string[];
}

export class ApiDescriptionFiles {
  private readonly options: ApiDescriptionFilesOptions;
  private readonly files: FollowedFiles<ReadDocument>;
  private readonly regexes: PathRegexes = new PathRegexes();
  /** Kept while they are in use, because they know their files. */
  private readonly followed: Map<string, FollowedDocument> = new Map();
  private versions: number = 0;

  constructor(options: ApiDescriptionFilesOptions) {
    this.options = options;
    this.files = new FollowedFiles({
      after: options.after,
      changed: (path, document) => this.changed(path, document),
      refused: (path, problems) => this.refused(path, problems),
    });
  }

  /** Reads the documents of a configuration that may come into use. Resolves with what is wrong, one line each: then nothing has changed. */
  async read(documents: readonly PlacedDocument[]): Promise<readonly string[]> {
    if (documents.length > 0) await this.regexes.load();
    const { problems, fresh } = this.files.read(new Map(documents.map(({ path }) => [path, this.documentAt(path)])));
    if (fresh) this.tell();
    return problems;
  }

  /** The documents of the configuration that is in use now: others are forgotten. */
  keep(documents: readonly PlacedDocument[]): void {
    const paths = new Set(documents.map(({ path }) => path));
    for (const path of this.followed.keys()) if (!paths.has(path)) this.followed.delete(path);
    if (this.files.keep(paths)) this.tell();
  }

  /** All descriptions, for a thread that starts. */
  current(): readonly SentDescription[] {
    return this.files.values().map(({ sent }) => sent);
  }

  stop(): void {
    this.files.stop();
  }

  private documentAt(path: string): FollowedDocument {
    const document = this.followed.get(path) ?? new FollowedDocument(() => this.reading(path));
    this.followed.set(path, document);
    return document;
  }

  private reading(path: string): ReadingWithFiles {
    const { pieces, operations, problems, unsupported, files } = readApiDocument(
      path,
      (name) => readText(name, DOCUMENT_BYTES_MAX),
      (pattern) => this.regexes.compile(pattern),
    );
    if (pieces === null) return { files, reading: { problems } };
    const sent = { path, version: ++this.versions, memory: sharedPieces(pieces) };
    return { files, reading: { value: { sent, operations, unsupported } } };
  }

  private refused(path: string, problems: readonly string[]): void {
    this.options.log.error("api_description_refused", `the old description stays in use: ${inOneLine(problems)}`, { file: path });
  }

  private changed(path: string, { operations, unsupported }: ReadDocument): void {
    this.tell();
    const text = `${shownFile(path)} has changed: ${operations} ${operations === 1 ? "operation is" : "operations are"} in use`;
    this.options.log.info("api_description_read", text, { file: path, operations });
    const [first = ""] = unsupported;
    if (first !== "") this.options.log.warn("api_description_read", `something in it is not checked: ${first}`, { file: path });
  }

  private tell(): void {
    this.options.tell(this.current());
  }
}

interface ReadingWithFiles {
  readonly files: readonly string[];
  readonly reading: Reading<ReadDocument>;
}

/** A document with the files that it refers to, which only a look into it tells. */
class FollowedDocument implements Followed<ReadDocument> {
  private readonly look: () => ReadingWithFiles;
  /** A look whose reading nobody has taken yet. */
  private taken: ReadingWithFiles | null = null;
  private named: readonly string[] | null = null;

  constructor(look: () => ReadingWithFiles) {
    this.look = look;
  }

  get files(): readonly string[] {
    if (this.named === null) {
      this.taken = this.looked();
      this.named = this.taken.files;
    }
    return this.named;
  }

  read(): Reading<ReadDocument> {
    const { files, reading } = this.taken ?? this.looked();
    this.taken = null;
    this.named = files;
    return reading;
  }

  private looked(): ReadingWithFiles {
    try {
      return this.look();
    } catch (error) {
      return { files: this.named ?? [], reading: { problems: [lineOf(error)] } };
    }
  }
}
