/** `millrace trust` on systems that are only described, with commands that are only noted. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { TestAuthority } from "../../test/support/certificates.ts";
import { parseArguments } from "./arguments.ts";
import { trustCommand } from "./trust.ts";
import type { TrustArguments, TrustHost } from "./trust.ts";
import type { Argv, TrustSystem } from "./trust/trust-store.ts";

/** The file that commands read the root from. */
const COPY = /\/\S+\/millrace-trust-[^/]+\/root\.pem/g;
const DEBIAN = { folders: ["/usr/local/share/ca-certificates"], programs: ["update-ca-certificates", "sudo"] };

interface Described {
  readonly platform?: NodeJS.Platform;
  readonly folders?: readonly string[];
  readonly files?: readonly string[];
  readonly programs?: readonly string[];
}

class Trial {
  readonly storage: string;
  readonly ran: string[] = [];
  out: string = "";
  err: string = "";
  /** The answer to the question; null: nobody is there. */
  answer: boolean | null = true;
  isRoot: boolean = true;
  now: number = Date.now();
  /** Looks at a command when it is run. */
  onRun: (argv: Argv) => void = () => {};
  /** Beginnings of commands that fail. By default a question whether the root is there is answered by no. */
  failing: readonly string[] = ["certutil -d sql:/people/u/.pki/nssdb -L", "certutil -user -verifystore", "security verify-cert"];

  constructor(t: TestContext) {
    const folder = mkdtempSync(path.join(tmpdir(), "millrace-trust-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    this.storage = path.join(folder, "authority");
  }

  run(described: Described, given: Partial<TrustArguments> = {}): Promise<number> {
    const { answer } = this;
    [this.out, this.err] = ["", ""];
    this.ran.length = 0;
    const host: TrustHost = {
      system: systemOf(described),
      isRoot: this.isRoot,
      run: (argv) => {
        this.onRun(argv);
        const command = argv
          .join(" ")
          .replaceAll(COPY, "COPY")
          .replaceAll(/[0-9a-f]{8}\b/g, "ID");
        const isFailing = this.failing.some((start) => command.startsWith(start));
        if (!isFailing || !/ -L | -verifystore | verify-cert /.test(command)) this.ran.push(command);
        return isFailing ? "it failed" : null;
      },
      ask: answer === null ? null : () => Promise.resolve(answer),
      now: () => this.now,
    };
    const print = (text: string): void => void (this.out += text);
    const complain = (text: string): void => void (this.err += text);
    return trustCommand({ remove: false, yes: false, storage: this.storage, ...given }, host, print, complain);
  }
}

function systemOf({ platform = "linux", folders = [], files = [], programs = [] }: Described): TrustSystem {
  return {
    platform,
    home: "/people/u",
    isFolder: (one) => folders.includes(one),
    isFile: (one) => files.includes(one),
    namesIn: (folder) =>
      files.filter((file) => file.startsWith(`${folder}/`)).map((file) => file.slice(folder.length + 1).split("/")[0] ?? ""),
    hasProgram: (name) => programs.includes(name),
  };
}

test("the arguments", () => {
  assert.deepEqual(parseArguments(["trust"], ""), { command: "trust", remove: false, yes: false, storage: null });
  assert.deepEqual(parseArguments(["trust", "--remove", "--yes", "--storage", "/x"], ""), {
    command: "trust",
    remove: true,
    yes: true,
    storage: "/x",
  });
  assert.equal(parseArguments(["trust", "now"], "").command, "wrong");
});

test("says what it adds, asks, and runs the system's commands", async (t) => {
  const trial = new Trial(t);
  assert.equal(await trial.run(DEBIAN), 0, trial.err);
  for (const part of [
    /CN=Millrace local authority [0-9a-f]{8}, O=Millrace/,
    /SHA-256 +(?:[0-9A-F]{2}:){31}/,
    /localhost, names below/,
    /root\.pem/,
  ])
    assert.match(trial.out, part);
  assert.deepEqual(trial.ran, [
    "install -m 0644 COPY /usr/local/share/ca-certificates/millrace-local-authority-ID.crt",
    "update-ca-certificates",
  ]);
});

test("commands get what was checked, whatever becomes of the file meanwhile, in a copy that goes away", async (t) => {
  const trial = new Trial(t);
  const file = path.join(trial.storage, "root.pem");
  await trial.run(DEBIAN, { yes: true });
  const checked = readFileSync(file, "utf8");
  const read: { copy: string; text: string; modes: number[] }[] = [];
  trial.onRun = (argv) => {
    writeFileSync(file, "the root of somebody else");
    const [copy] = argv.join(" ").match(COPY) ?? [];
    if (copy === undefined) return;
    read.push({ copy, text: readFileSync(copy, "utf8"), modes: [copy, path.dirname(copy)].map((one) => statSync(one).mode & 0o777) });
  };
  assert.equal(await trial.run({ ...DEBIAN, programs: [...DEBIAN.programs, "certutil", "chromium"] }), 0, trial.err);
  assert.deepEqual(
    read.map(({ text, modes }) => ({ text, modes })),
    Array.from({ length: 2 }, () => ({ text: checked, modes: [0o600, 0o700] })),
  );
  assert.ok(read.every(({ copy }) => copy !== file && !existsSync(path.dirname(copy))));
});

test("changes nothing without a yes", async (t) => {
  const trial = new Trial(t);
  trial.answer = false;
  assert.equal(await trial.run(DEBIAN), 1);
  trial.answer = null;
  assert.equal(await trial.run(DEBIAN), 1);
  assert.match(trial.err, /--yes/);
  assert.deepEqual(trial.ran, []);
  assert.equal(await trial.run(DEBIAN, { yes: true }), 0);
  assert.equal(trial.ran.length, 2);
});

test("without root it prints what root has to do, in the words of a shell", async (t) => {
  const trial = new Trial(t);
  trial.isRoot = false;
  assert.equal(await trial.run(DEBIAN), 2);
  assert.deepEqual(trial.ran, []);
  assert.match(trial.out, /as root:\n {2}sudo install -m 0644 \S+\/root\.pem \S+\.crt && sudo update-ca-certificates\n/);
  assert.equal(await trial.run({ programs: ["certutil", "chromium"] }, { yes: true }), 2);
  assert.match(trial.out, /-n 'Millrace local authority [0-9a-f]{8}' -i/);
});

test("the browsers' databases, which may have to be made", async (t) => {
  const trial = new Trial(t);
  const firefox = "/people/u/.mozilla/firefox/abc.default/cert9.db";
  trial.failing = [...trial.failing, "certutil -d sql:/people/u/.mozilla/firefox/abc.default -L"];
  assert.equal(await trial.run({ ...DEBIAN, files: [firefox], programs: [...DEBIAN.programs, "certutil", "chromium"] }), 0, trial.err);
  assert.deepEqual(trial.ran.slice(2), [
    "mkdir -p -m 0700 /people/u/.pki/nssdb",
    "certutil -d sql:/people/u/.pki/nssdb -N --empty-password",
    "certutil -d sql:/people/u/.pki/nssdb -A -t C,, -n Millrace local authority ID -i COPY",
    "certutil -d sql:/people/u/.mozilla/firefox/abc.default -A -t C,, -n Millrace local authority ID -i COPY",
  ]);
  assert.equal(await trial.run({ ...DEBIAN, files: [firefox] }), 2);
  assert.match(trial.out, /by hand: Firefox \(abc\.default\): install certutil \(libnss3-tools/);
});

test("other systems", async (t) => {
  const trial = new Trial(t);
  await trial.run({ folders: ["/etc/pki/ca-trust/source/anchors"], programs: ["update-ca-trust"] });
  assert.deepEqual(trial.ran, [
    "install -m 0644 COPY /etc/pki/ca-trust/source/anchors/millrace-local-authority-ID.pem",
    "update-ca-trust extract",
  ]);
  await trial.run({ folders: ["/etc/ca-certificates/trust-source/anchors"], programs: ["update-ca-trust"] });
  assert.equal(trial.ran.at(-1), "update-ca-trust");
  await trial.run({ platform: "darwin" });
  assert.match(trial.ran[0] ?? "", /^security add-trusted-cert -d -r trustRoot -k \/Library\/Keychains\/System\.keychain COPY$/);
  await trial.run({ platform: "win32" });
  assert.equal(trial.ran[0], "certutil -user -addstore Root COPY");
  assert.equal(await trial.run({}), 2);
  assert.match(trial.out, /by hand: this system's way to add a root is not known here/);
});

test("what is there is not added again, and what is removed is what was added", async (t) => {
  const trial = new Trial(t);
  assert.equal(await trial.run(DEBIAN, { remove: true }), 1);
  assert.match(trial.err, /no local authority/);
  await trial.run(DEBIAN);
  const id = /authority ([0-9a-f]{8})/.exec(trial.out)?.[1] ?? "";
  const installed = { ...DEBIAN, files: [`/usr/local/share/ca-certificates/millrace-local-authority-${id}.crt`] };
  assert.equal(await trial.run(installed), 0);
  assert.match(trial.out, /it is there already/);
  assert.deepEqual(trial.ran, []);
  assert.equal(await trial.run(installed, { remove: true }), 0);
  assert.deepEqual(trial.ran, ["rm -f /usr/local/share/ca-certificates/millrace-local-authority-ID.crt", "update-ca-certificates --fresh"]);
  assert.equal(await trial.run(DEBIAN, { remove: true }), 0);
  assert.deepEqual(trial.ran, []);
});

test("a root that has expired is not added, and can be removed", async (t) => {
  const trial = new Trial(t);
  await trial.run(DEBIAN);
  const id = /authority ([0-9a-f]{8})/.exec(trial.out)?.[1] ?? "";
  const installed = { ...DEBIAN, files: [`/usr/local/share/ca-certificates/millrace-local-authority-${id}.crt`] };
  trial.now += 11 * 365 * 86_400_000;
  assert.equal(await trial.run(installed), 2);
  assert.match(trial.err, /has expired/);
  assert.equal(await trial.run(installed, { remove: true }), 0, trial.err);
  assert.equal(trial.ran.length, 2);
});

test("a command that fails is named with its reason, and the others are run", async (t) => {
  const trial = new Trial(t);
  trial.failing = [...trial.failing, "update-ca-certificates"];
  assert.equal(await trial.run({ ...DEBIAN, programs: [...DEBIAN.programs, "certutil", "chromium"] }), 2);
  assert.match(trial.err, /^millrace trust: this system .*: update-ca-certificates failed: it failed\n$/);
  assert.match(trial.out, /Done: Chromium/);
});

test("a root that somebody else has put there is neither added nor gives its name to a file", async (t) => {
  const trial = new Trial(t);
  for (const subject of ["CN=Millrace local authority 01234567", "CN=../../../etc/x"]) {
    const other = await TestAuthority.create({ subject });
    const below = await other.intermediate({ subject: "CN=signs" });
    rmSync(trial.storage, { recursive: true, force: true });
    mkdirSync(trial.storage);
    writeFileSync(path.join(trial.storage, "authority-key.pem"), below.key + below.certificate + other.certificate, { mode: 0o600 });
    assert.equal(await trial.run(DEBIAN, { yes: true }), 2);
    assert.match(trial.err, /root\.pem was not made by millrace/);
    assert.deepEqual(trial.ran, []);
  }
  assert.equal(await trial.run(DEBIAN, { yes: true, remove: true }), 2);
  assert.deepEqual(trial.ran, []);
});
