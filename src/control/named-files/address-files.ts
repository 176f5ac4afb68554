/**
 * Keeps lists of addresses, and databases about them, as their files are. A file is read with the configuration, and again whenever it has changed: on every reload,
 * and else within two seconds, without any command. A version that is wrong, missing or empty changes nothing: what it said before stays in use, and the log says so once.
 */
import { statSync } from "node:fs";
import { addressFileId } from "../../base/address-file.ts";
import type { AddressFile } from "../../base/address-file.ts";
import { shownFile } from "../../config/problems/shown.ts";
import type { AppLog } from "../../observe/app-log.ts";
import type { SentList } from "../../shared/address-lists.ts";
import { FollowedFiles, inOneLine } from "./followed-files.ts";
import type { Followed, Reading } from "./followed-files.ts";
import { readAddressFile } from "./read-address-file.ts";

export interface AddressFilesOptions {
  readonly log: Pick<AppLog, "info" | "error">;
  /** Sends what all files say to all threads. */
  readonly tell: (lists: readonly SentList[]) => void;
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
}

interface ReadFile {
  readonly sent: SentList;
  /** How many blocks, countries or systems it has. */
  readonly count: number;
}

export class AddressFiles {
  private readonly options: AddressFilesOptions;
  private readonly files: FollowedFiles<ReadFile>;
  private versions: number = 0;

  constructor(options: AddressFilesOptions) {
    this.options = options;
    this.files = new FollowedFiles({
      after: options.after,
      changed: (_id, read) => this.changed(read),
      refused: (id, problems) => this.refused(id, problems),
    });
  }

  /**
   * Reads the files of a configuration that may come into use, those too that are in use and have changed. Returns what is wrong, one line each: then nothing
   * has changed.
   */
  read(files: readonly AddressFile[]): readonly string[] {
    const { problems, fresh } = this.files.read(new Map(files.map((file) => [addressFileId(file), this.followed(file)])));
    if (fresh) this.tell();
    return problems;
  }

  /** The files of the configuration that is in use now: others are forgotten. */
  keep(files: readonly AddressFile[]): void {
    if (this.files.keep(new Set(files.map(addressFileId)))) this.tell();
  }

  /** What all files say, for a thread that starts. */
  current(): readonly SentList[] {
    return this.files.values().map(({ sent }) => sent);
  }

  stop(): void {
    this.files.stop();
  }

  private followed(file: AddressFile): Followed<ReadFile> {
    return { files: [file.path], read: (isChange) => this.readFile(file, isChange) };
  }

  private readFile(file: AddressFile, isChange: boolean): Reading<ReadFile> {
    const { kind, path } = file;
    if (isList(kind) && isChange && isEmpty(path))
      return { problems: [`${shownFile(path)} is empty; an empty list has a line with a comment`] };
    const read = readAddressFile(file);
    if ("problems" in read) return read;
    return { value: { sent: { kind, path, version: ++this.versions, tables: read.tables }, count: read.count } };
  }

  private refused(id: string, problems: readonly string[]): void {
    const [kind = "", file = ""] = id.split(/ (.*)/s);
    if (isList(kind)) this.options.log.error("address_list_refused", `the old list stays in use: ${inOneLine(problems)}`, { file });
    else this.options.log.error("geoip_file_refused", `the old database stays in use: ${inOneLine(problems)}`, { file });
  }

  private changed({ sent: { kind, path }, count }: ReadFile): void {
    this.tell();
    const counted = `${count} ${count === 1 ? ONE[kind] : MANY[kind]}`;
    const text = `${shownFile(path)} has changed: ${counted} ${count === 1 ? "is" : "are"} in use`;
    if (isList(kind)) this.options.log.info("address_list_read", text, { file: path, blocks: count });
    else this.options.log.info("geoip_file_read", text, { file: path });
  }

  private tell(): void {
    this.options.tell(this.current());
  }
}

function isList(kind: string): boolean {
  return kind === "list" || kind === "rated";
}

function isEmpty(path: string): boolean {
  try {
    return statSync(path).size === 0;
  } catch {
    return false;
  }
}

const ONE = { list: "block", rated: "block", country: "country", asn: "autonomous system" };
const MANY = { list: "blocks", rated: "blocks", country: "countries", asn: "autonomous systems" };
