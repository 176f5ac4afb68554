/** The places where a system and its browsers keep the roots that they trust, and what changes them. Runs nothing. */
import path from "node:path";

/** A root that is to be trusted, or no longer. */
export interface TrustedRoot {
  /** Path of its certificate. */
  readonly file: string;
  /** Its common name, by which browsers list it. */
  readonly name: string;
  /** SHA-1 of the certificate, upper case without colons: how macOS and Windows find it. */
  readonly sha1: string;
}

/** What is asked of the system to find its stores. */
export interface TrustSystem {
  readonly platform: NodeJS.Platform;
  readonly home: string;
  isFolder(path: string): boolean;
  isFile(path: string): boolean;
  /** Names in a folder; none where it cannot be read. */
  namesIn(folder: string): readonly string[];
  /** Whether a program is in the search path. */
  hasProgram(name: string): boolean;
}

export type Argv = readonly [program: string, ...given: string[]];

export interface TrustStore {
  /** For people: what trusts a root that is in there. */
  readonly title: string;
  readonly needsRoot: boolean;
  readonly install: readonly Argv[];
  readonly remove: readonly Argv[];
  /** A command that succeeds when the root is in there; or a file that is there then. */
  readonly shows: { readonly command: Argv } | { readonly file: string };
}

export interface FoundStores {
  readonly stores: readonly TrustStore[];
  /** What the user has to do alone, one line each. */
  readonly byHand: readonly string[];
}

export function findStores(system: TrustSystem, root: TrustedRoot): FoundStores {
  if (system.platform === "darwin") return { stores: [keychain(root)], byHand: firefoxByHand(system, root) };
  if (system.platform === "win32") return { stores: [windowsStore(root)], byHand: firefoxByHand(system, root) };
  const store = linuxStore(system, root);
  const browsers = nssStores(system, root);
  const byHand = store === null ? [`this system's way to add a root is not known here: give it ${root.file}`] : [];
  return { stores: [...(store === null ? [] : [store]), ...browsers.stores], byHand: [...byHand, ...browsers.byHand] };
}

/** Folders for roots of the administrator, with the program that takes them in. The first one that is there counts. */
const LINUX: readonly { readonly folder: string; readonly ending: string; readonly added: Argv; readonly removed: Argv }[] = [
  {
    // Fedora, Red Hat
    folder: "/etc/pki/ca-trust/source/anchors",
    ending: ".pem",
    added: ["update-ca-trust", "extract"],
    removed: ["update-ca-trust", "extract"],
  },
  {
    // Arch
    folder: "/etc/ca-certificates/trust-source/anchors",
    ending: ".crt",
    added: ["update-ca-trust"],
    removed: ["update-ca-trust"],
  },
  {
    // openSUSE
    folder: "/etc/pki/trust/anchors",
    ending: ".pem",
    added: ["update-ca-certificates"],
    removed: ["update-ca-certificates"],
  },
  {
    // Debian, Ubuntu, Alpine
    folder: "/usr/local/share/ca-certificates",
    ending: ".crt",
    added: ["update-ca-certificates"],
    // Without it a link to the file that is gone stays behind.
    removed: ["update-ca-certificates", "--fresh"],
  },
];

function linuxStore(system: TrustSystem, { file, name }: TrustedRoot): TrustStore | null {
  const found = LINUX.find(({ folder, added: [program] }) => system.isFolder(folder) && system.hasProgram(program));
  if (found === undefined) return null;
  const target = path.posix.join(found.folder, `${name.toLowerCase().replaceAll(" ", "-")}${found.ending}`);
  return {
    title: "this system (curl, wget, Git, most programs)",
    needsRoot: true,
    // Readable for all, which the folder that it comes from is not.
    install: [["install", "-m", "0644", file, target], found.added],
    remove: [["rm", "-f", target], found.removed],
    shows: { file: target },
  };
}

function keychain({ file, sha1 }: TrustedRoot): TrustStore {
  const chain = "/Library/Keychains/System.keychain";
  return {
    title: "this system (Safari, Chrome, curl)",
    needsRoot: true,
    install: [["security", "add-trusted-cert", "-d", "-r", "trustRoot", "-k", chain, file]],
    remove: [
      ["security", "remove-trusted-cert", "-d", file],
      ["security", "delete-certificate", "-Z", sha1, chain],
    ],
    shows: { command: ["security", "verify-cert", "-c", file] },
  };
}

function windowsStore({ file, sha1 }: TrustedRoot): TrustStore {
  return {
    title: "this user (Edge, Chrome, curl)",
    needsRoot: false,
    install: [["certutil", "-user", "-addstore", "Root", file]],
    remove: [["certutil", "-user", "-delstore", "Root", sha1]],
    shows: { command: ["certutil", "-user", "-verifystore", "Root", sha1] },
  };
}

/** Names of Chromium's relatives, which all read one database. */
const CHROMIUMS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "brave-browser", "microsoft-edge", "vivaldi"];
const PROFILES = [
  ".mozilla/firefox",
  ".config/mozilla/firefox",
  "snap/firefox/common/.mozilla/firefox",
  ".var/app/org.mozilla.firefox/.mozilla/firefox",
];
const CERTUTIL_PACKAGES = "libnss3-tools on Debian and Ubuntu, nss-tools on Fedora, nss on Arch";

/** The databases of NSS: that of Chromium and its relatives, which may have to be made, and those of Firefox's profiles. */
function nssStores(system: TrustSystem, root: TrustedRoot): FoundStores {
  const shared = path.posix.join(system.home, ".pki/nssdb");
  const hasShared = system.isFile(path.posix.join(shared, "cert9.db"));
  const hasChromium = hasShared || CHROMIUMS.some((name) => system.hasProgram(name));
  const make: readonly Argv[] = hasShared
    ? []
    : [
        ["mkdir", "-p", "-m", "0700", shared],
        ["certutil", "-d", `sql:${shared}`, "-N", "--empty-password"],
      ];
  const stores = [
    ...(hasChromium ? [nssStore("Chromium, Chrome and their relatives", shared, root, make)] : []),
    ...firefoxProfiles(system).map((profile) => nssStore(`Firefox (${path.posix.basename(profile)})`, profile, root, [])),
  ];
  if (stores.length === 0 || system.hasProgram("certutil")) return { stores, byHand: [] };
  const titles = stores.map(({ title }) => title).join(", ");
  return { stores: [], byHand: [`${titles}: install certutil (${CERTUTIL_PACKAGES}) and run this again`] };
}

function firefoxProfiles(system: TrustSystem): readonly string[] {
  return PROFILES.map((folder) => path.posix.join(system.home, folder)).flatMap((folder) =>
    system
      .namesIn(folder)
      .map((name) => path.posix.join(folder, name))
      .filter((profile) => system.isFile(path.posix.join(profile, "cert9.db"))),
  );
}

function nssStore(title: string, folder: string, { file, name }: TrustedRoot, make: readonly Argv[]): TrustStore {
  const database = ["-d", `sql:${folder}`] as const;
  return {
    title,
    needsRoot: false,
    install: [...make, ["certutil", ...database, "-A", "-t", "C,,", "-n", name, "-i", file]],
    remove: [["certutil", ...database, "-D", "-n", name]],
    shows: { command: ["certutil", ...database, "-L", "-n", name] },
  };
}

/** Elsewhere than on Linux, Firefox takes the system's roots when it is told to, and newer versions by themselves. */
function firefoxByHand(system: TrustSystem, { file }: TrustedRoot): readonly string[] {
  const folder = system.platform === "darwin" ? "Library/Application Support/Firefox" : "AppData/Roaming/Mozilla/Firefox";
  if (!system.isFolder(path.join(system.home, folder))) return [];
  return [
    `Firefox trusts the system's roots where security.enterprise_roots.enabled is true in about:config; else import ${file} in its settings`,
  ];
}
