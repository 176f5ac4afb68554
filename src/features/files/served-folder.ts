/** Finds files for the paths of requests. */
import { acceptedCodings } from "../../policy/representation/accepted-codings.ts";
import { isCompressible, mediaTypeOf } from "../../policy/representation/media-type.ts";
import { normalizePath } from "../../policy/route/normalize-path.ts";
import { stripPrefix } from "../../policy/route/strip-prefix.ts";
import type { FileStore, NoFile, OpenFile } from "../../proxy/feature/file-store.ts";
import type { PathRewriter } from "../../proxy/feature/path-rewriter.ts";
import { KnownHeads } from "./file-head.ts";
import { filePathOf } from "./file-path.ts";
import type { FilesConfig } from "./schema.ts";

export interface FoundFile {
  readonly file: OpenFile;
  /** Its name below the root, from which its type follows. */
  readonly name: string;
}

/** A file, or the compressed copy of one. */
export interface Representation {
  readonly file: OpenFile;
  /** The content coding; "": none. */
  readonly coding: string;
}

type Coding = FilesConfig["precompressed"][number];

const ENDINGS: Readonly<Record<string, string>> = { br: "br", zstd: "zst", gzip: "gz" } satisfies Record<Coding, string>;

export class ServedFolder {
  readonly heads: KnownHeads = new KnownHeads();
  private readonly config: FilesConfig;
  private readonly store: FileStore;
  private readonly rewriter: PathRewriter | null;

  constructor(config: FilesConfig, store: FileStore, rewriter: PathRewriter | null) {
    this.config = config;
    this.store = store;
    this.rewriter = rewriter;
  }

  /**
   * The file for a path, open. "folder": the path leads to a folder and lacks the slash at its end.
   * @param path as received, without query
   */
  async find(path: string): Promise<FoundFile | NoFile> {
    const name = this.nameFor(path);
    if (name === null) return "refused";
    if (this.isBarePrefix(path)) return "folder";
    const found = name.isFolder ? await this.index(name.name) : await this.open(name.name);
    // If the path has the slash, `rewrite` has taken it off, and a redirect to the path with a slash would lead back here.
    if (found === "folder") return path.endsWith("/") ? this.orFallback(await this.index(name.name), name.name) : "folder";
    return this.orFallback(found, name.name);
  }

  /** What a path means below the root, after `rewrite`. */
  private nameFor(path: string): ReturnType<typeof filePathOf> {
    // The path is rewritten in its canonical form, because a prefix before `/../x` would not stay.
    const canonical = normalizePath(path);
    const rewritten = canonical === null || this.rewriter === null ? canonical : this.rewriter.pathFor(canonical);
    return rewritten === null ? null : filePathOf(rewritten);
  }

  /** Whether the path is the prefix that is taken off, and no more: the root's folder, without the slash at its end. */
  private isBarePrefix(path: string): boolean {
    const prefix = this.rewriter?.prefix ?? null;
    const canonical = normalizePath(path);
    return prefix !== null && canonical !== null && !canonical.endsWith("/") && stripPrefix(canonical, prefix) === "";
  }

  private async open(name: string): Promise<FoundFile | NoFile> {
    const file = await this.store.open(this.config.root, name);
    return typeof file === "string" ? file : { file, name };
  }

  private async index(folder: string): Promise<FoundFile | NoFile> {
    for (const index of this.config.index) {
      const found = await this.open(folder === "" ? index : `${folder}/${index}`);
      if (found !== "missing" && found !== "folder") return found;
    }
    return "missing";
  }

  private async orFallback(found: FoundFile | NoFile, name: string): Promise<FoundFile | NoFile> {
    const { fallback } = this.config;
    if (found !== "missing" || fallback === undefined || isAsset(name)) return found;
    const instead = await this.open(fallback.slice(1));
    return instead === "folder" ? "missing" : instead;
  }

  /** Whether a file of that name may have compressed copies. */
  mayBeCompressed(name: string): boolean {
    return this.config.precompressed.length > 0 && isCompressible(name);
  }

  /** The copy of a file that suits the client best, or the file itself. What is not used is closed. */
  async bestOf({ file, name }: FoundFile, acceptEncoding: readonly string[]): Promise<Representation> {
    for (const coding of acceptedCodings(acceptEncoding, this.config.precompressed)) {
      const copy = await this.store.open(this.config.root, `${name}.${ENDINGS[coding] ?? coding}`);
      if (typeof copy === "string") continue;
      if (copy.modifiedMs >= file.modifiedMs) {
        file.close();
        return { file: copy, coding };
      }
      copy.close();
    }
    return { file, coding: "" };
  }
}

/** Whether the name is that of a script, an image and the like, in whose place a page of the application would be a wrong answer. */
function isAsset(name: string): boolean {
  const type = mediaTypeOf(name);
  return type !== null && !type.startsWith("text/html");
}
