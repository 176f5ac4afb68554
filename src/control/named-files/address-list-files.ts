/**
 * Keeps address lists as their files are. A list is read with the configuration, and again whenever its file has changed: on every reload, and else within two seconds,
 * without any command. A version that is wrong, missing or empty changes nothing: the list of before stays in use, and the log says so once.
 */
import { statSync } from "node:fs";
import { shownFile } from "../../config/problems/shown.ts";
import type { AppLog } from "../../observe/app-log.ts";
import { listId, listPath } from "../../base/list-place.ts";
import type { ListPlace } from "../../base/list-place.ts";
import type { SentList } from "../../shared/address-lists.ts";
import { FollowedFiles } from "./followed-files.ts";
import type { Followed, Reading } from "./followed-files.ts";
import { readAddressList, sharedTables } from "./read-address-list.ts";

export interface AddressListFilesOptions {
  readonly log: Pick<AppLog, "info" | "error">;
  /** Sends all lists to all threads. */
  readonly tell: (lists: readonly SentList[]) => void;
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
}

interface ReadBlocks {
  readonly sent: SentList;
  readonly blocks: number;
}

export class AddressListFiles {
  private readonly options: AddressListFilesOptions;
  private readonly files: FollowedFiles<ReadBlocks>;
  private versions: number = 0;

  constructor(options: AddressListFilesOptions) {
    this.options = options;
    this.files = new FollowedFiles({
      after: options.after,
      changed: (_id, list) => this.changed(list),
      refused: (id, problems) => this.refused(listPath(id), problems),
    });
  }

  /**
   * Reads the lists of a configuration that may come into use, those too that are in use and have changed. Returns what is wrong, one line each: then nothing
   * has changed.
   */
  read(places: readonly ListPlace[]): readonly string[] {
    const wanted = new Map(places.map((place) => [listId(place), this.followed(place)]));
    const { problems, fresh } = this.files.read(wanted);
    if (fresh) this.tell();
    return problems;
  }

  /** The lists of the configuration that is in use now: others are forgotten. */
  keep(places: readonly ListPlace[]): void {
    if (this.files.keep(new Set(places.map(listId)))) this.tell();
  }

  /** All lists, for a thread that starts. */
  current(): readonly SentList[] {
    return this.files.values().map(({ sent }) => sent);
  }

  stop(): void {
    this.files.stop();
  }

  private followed(place: ListPlace): Followed<ReadBlocks> {
    return { files: [place.path], read: (isChange) => this.readList(place, isChange) };
  }

  private readList(place: ListPlace, isChange: boolean): Reading<ReadBlocks> {
    if (isChange && isEmpty(place.path))
      return { problems: [`${shownFile(place.path)} is empty; an empty list has a line with a comment`] };
    const read = readAddressList(place);
    if ("problems" in read) return read;
    const count = read.rated.reduce((sum, { blocks }) => sum + blocks.length, 0);
    return { value: { sent: { ...place, version: ++this.versions, tables: sharedTables(read.rated) }, blocks: count } };
  }

  private refused(path: string, problems: readonly string[]): void {
    const [first = "", ...more] = problems;
    const others = more.length === 0 ? "" : ` (and ${more.length} more lines like this)`;
    this.options.log.error("address_list_refused", `the old list stays in use: ${first}${others}`, { file: path });
  }

  private changed({ sent: { path }, blocks }: ReadBlocks): void {
    this.tell();
    const text = `${shownFile(path)} has changed: ${blocks} ${blocks === 1 ? "block is" : "blocks are"} in use`;
    this.options.log.info("address_list_read", text, { file: path, blocks });
  }

  private tell(): void {
    this.options.tell(this.current());
  }
}

function isEmpty(path: string): boolean {
  try {
    return statSync(path).size === 0;
  } catch {
    return false;
  }
}
