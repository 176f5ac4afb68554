/** The files of a test's configuration that are read again when they change, and what verifies passwords of users in them. */
import type { Config } from "../config/schema/schema.ts";
import type { AppLog } from "../observe/app-log.ts";
import { CheckedPasswords } from "../passwords/checked-passwords.ts";
import { PasswordPool } from "../passwords/password-pool.ts";
import type { AddressLists } from "../shared/address-lists.ts";
import type { CredentialFiles } from "../shared/credential-files.ts";
import { TestCredentials } from "./test-credentials.ts";
import { TestLists } from "./test-lists.ts";

/** The part of a clock that is needed. */
interface Clock {
  every(ms: number, then: () => void): () => void;
}

export class TestNamedFiles {
  private readonly ofAddresses: TestLists;
  private readonly ofCredentials: TestCredentials;
  private readonly pool: PasswordPool = new PasswordPool();
  readonly passwords: CheckedPasswords = new CheckedPasswords(this.pool);

  /** @param read gives the text of a file; throws where there is none */
  constructor(read: (name: string) => string, clock: Clock, log: Pick<AppLog, "error">) {
    this.ofAddresses = new TestLists(read, clock, (file, problem) => log.error("address_list_refused", problem, { file }));
    this.ofCredentials = new TestCredentials(read, clock, (file, problem) => log.error("credentials_refused", problem, { file }));
  }

  get lists(): AddressLists {
    return this.ofAddresses.lists;
  }

  get credentials(): CredentialFiles {
    return this.ofCredentials.files;
  }

  /** Reads the files of a configuration. Throws an Error that says what is wrong. */
  use(config: Config): void {
    this.ofAddresses.use(config);
    this.ofCredentials.use(config);
  }

  close(): void {
    void this.pool.close();
  }
}
