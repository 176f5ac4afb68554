/** The files of a test's configuration that are read again when they change, and what verifies passwords of users in them. */
import { addressFileId } from "../base/address-file.ts";
import type { AddressFile } from "../base/address-file.ts";
import { readApiDocument } from "../config/api-description.ts";
import { addressFilesOf, apiDocumentsOf, credentialFilesOf, keyServersOf } from "../config/feature-files.ts";
import type { CredentialPlace } from "../config/feature-files.ts";
import type { Config } from "../config/schema/schema.ts";
import { parsedAddresses } from "../control/named-files/read-address-file.ts";
import { checkedCredentials } from "../control/named-files/read-credentials.ts";
import type { AppLog } from "../observe/app-log.ts";
import { CheckedPasswords } from "../passwords/checked-passwords.ts";
import { PasswordPool } from "../passwords/password-pool.ts";
import type { CompileRegex } from "../policy/route/path-regex.ts";
import { ApiDescriptions, sharedPieces } from "../shared/api-descriptions.ts";
import type { SentDescription } from "../shared/api-descriptions.ts";
import { AddressLists } from "../shared/address-lists.ts";
import type { SentList } from "../shared/address-lists.ts";
import { CredentialFiles } from "../shared/credential-files.ts";
import type { SentCredentials } from "../shared/credential-files.ts";
import { FollowedFiles } from "./followed-files.ts";
import type { FollowedFile, LookClock } from "./followed-files.ts";
import { textOf } from "./test-files.ts";
import type { FileContent } from "./test-files.ts";

export class TestNamedFiles {
  readonly lists: AddressLists = new AddressLists();
  readonly descriptions: ApiDescriptions = new ApiDescriptions();
  /** A key server's answer is the file under its URL. It is asked at once. */
  readonly credentials: CredentialFiles = new CredentialFiles((url) =>
    queueMicrotask(() => {
      this.ofCredentials.look(url);
      this.ofCredentials.tell();
    }),
  );
  private readonly ofAddresses: FollowedFiles<SentList, FileContent>;
  private readonly ofCredentials: FollowedFiles<SentCredentials>;
  private readonly ofDescriptions: FollowedFiles<SentDescription>;
  private readonly read: (name: string) => string;
  private readonly compileRegex: CompileRegex;
  // On a busy machine a thread of the lowest priority would keep a test waiting.
  private readonly pool: PasswordPool = new PasswordPool({ makesWay: false });
  readonly passwords: CheckedPasswords = new CheckedPasswords(this.pool);

  /** @param content gives what a file holds; throws where there is none */
  constructor(content: (name: string) => FileContent, clock: LookClock, log: Pick<AppLog, "error">, compileRegex: CompileRegex) {
    const read = (name: string): string => textOf(content(name));
    this.read = read;
    this.compileRegex = compileRegex;
    this.ofDescriptions = new FollowedFiles(clock, {
      read,
      take: (all) => this.descriptions.take(all),
      refused: ({ path }, problem) => log.error("api_description_refused", `the old description stays in use: ${problem}`, { file: path }),
    });
    this.ofAddresses = new FollowedFiles<SentList, FileContent>(clock, {
      read: content,
      take: (all) => {
        // Threads without lists are not told of them.
        if (this.lists.changes > 0 || all.length > 0) this.lists.take(all);
      },
      refused({ path }, problem, { kind }) {
        if (kind === "list" || kind === "rated") log.error("address_list_refused", `the old list stays in use: ${problem}`, { file: path });
        else log.error("geoip_file_refused", `the old database stays in use: ${problem}`, { file: path });
      },
    });
    this.ofCredentials = new FollowedFiles(clock, {
      read: (name) => textOf(content(name)),
      take: (all) => this.credentials.take(all),
      refused: ({ path }, problem) => log.error("credentials_refused", `the credentials of before stay in use: ${problem}`, { file: path }),
    });
  }

  /** Reads the files of a configuration. Throws an Error that says what is wrong. */
  use({ routes }: Config): void {
    this.ofAddresses.use(addressFilesOf(routes).map(followedAddresses));
    this.ofDescriptions.use(apiDocumentsOf(routes).map(({ path }) => this.followedDescription(path)));
    this.ofCredentials.use([
      ...credentialFilesOf(routes).map((place) => followedCredentials(place, false)),
      // A key server need not have answered when the proxy starts.
      ...keyServersOf(routes).map((place) => followedCredentials(place, true)),
    ]);
  }

  /** The files that a document refers to are read with it, and not followed. */
  private followedDescription(path: string): FollowedFile<SentDescription> {
    return {
      path,
      mayLack: false,
      read: (_text, version) => {
        const { pieces, problems } = readApiDocument(path, this.read, this.compileRegex);
        if (pieces === null) throw new Error(problems.join("\n"));
        return { path, version, memory: sharedPieces(pieces) };
      },
    };
  }

  close(): void {
    void this.pool.close();
  }
}

function followedAddresses(file: AddressFile): FollowedFile<SentList, FileContent> {
  return {
    id: addressFileId(file),
    path: file.path,
    mayLack: false,
    read(content, version) {
      const found = parsedAddresses(file, content ?? "");
      if ("problems" in found) throw new Error(found.problems.join("\n"));
      return { ...file, version, tables: found.tables };
    },
  };
}

function followedCredentials({ path, read }: CredentialPlace, mayLack: boolean): FollowedFile<SentCredentials> {
  return {
    path,
    mayLack,
    read(text, version) {
      if (text === null) return { path, version, text };
      const found = checkedCredentials(path, text, read);
      if ("problems" in found) throw new Error(found.problems.join("\n"));
      return { path, version, text: found.text };
    },
  };
}
