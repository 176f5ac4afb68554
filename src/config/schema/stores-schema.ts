/** The schema of `stores`: memory of the process for `cache`, and memories outside of it that several machines share. A store has a `type`, which says which keys it has besides. */
import { z } from "zod";
import { duration, size } from "../../values/scalars.ts";
import { filePath, redisUrl, secret, serverName, storePrefix } from "../../values/texts.ts";

/** Most machines that are named of a cluster; the others are learnt from these. */
const CLUSTER_MAX = 100;

const tls = z.strictObject({
  ca_file: filePath.optional().meta({
    description:
      "PEM file of the certificates to trust instead of the list that Node brings (Mozilla's), relative to the configuration's folder. Read at each connection.",
  }),
  server_name: serverName.optional().meta({
    description: "Name that is sent (SNI) and that the certificate must carry. Default: the host of the URL.",
  }),
});

const store = z.strictObject({
  type: z.enum(["redis", "memory"], { error: "expected redis, also for Valkey and whatever else speaks its protocol, or memory" }).meta({
    description:
      "What the store is. `redis`, also for Valkey and whatever else speaks its protocol, is for limits and logouts over several machines; it needs the package `@redis/client`. `memory` is memory of this process that all its threads share, for `cache`.",
  }),
  max_size: size({ min: 4 * 1024 ** 2, max: 32 * 1024 ** 3 })
    .optional()
    .meta({
      description:
        "For `memory`, which needs it: how much it takes at most, from 4MiB to 32GiB; only what is used of it costs memory. What was used least goes first. A reload that changes it begins with an empty store.",
    }),
  url: redisUrl.optional().meta({
    description:
      "`redis://host:port/database`, `rediss://` with TLS, or `unix:/run/redis.sock`; the port 6379 and the database 0 when left out. No user and no password: those have keys of their own. Give this or `cluster`.",
  }),
  cluster: z.array(redisUrl).min(1).max(CLUSTER_MAX).optional().meta({
    description: "URLs of some machines of a cluster, from which the others are learnt; all of them with `redis:` or all with `rediss:`.",
  }),
  username: secret.optional().meta({ description: "Name of the user (ACL). Absent: the default user." }),
  password: secret.optional().meta({
    description: "Its password. Keep it out of the file, and let it change while it is in use: see docs/secrets.md. Absent: none.",
  }),
  tls: tls.optional().meta({ description: "How a store with `rediss:` is verified. It always is." }),
  prefix: storePrefix.default("millrace").meta({
    description:
      "Begins the names of all keys in the store. What follows is a hash: neither addresses nor users of clients can be read there. Proxies with the same prefix, whose routes are the same, count together.",
  }),
  timeout: duration({ min: 1, max: 1000 }).prefault("5ms").meta({
    description:
      "Greatest time that a request waits for the store. Past it `on_failure` decides, and an answer that comes later is dropped. A store that fails three times in a row is asked nothing more until it has answered a probe.",
  }),
  on_failure: z.enum(["local", "open", "closed"]).default("local").meta({
    description:
      "What decides while the store does not answer. `local`: each process counts by itself, from where the store stood when it last answered about the client. `open`: every request passes. `closed`: none does, and the answer is 503 with Retry-After.",
  }),
});

/** A store in Redis; durations in milliseconds. */
export type RedisStoreConfig = Omit<z.output<typeof store>, "type" | "max_size"> & { readonly type: "redis" };

/** A store in memory; its size in bytes. */
export interface MemoryStoreConfig {
  readonly type: "memory";
  readonly max_size: number;
}

/** A store, with every default filled in. */
export type StoreConfig = RedisStoreConfig | MemoryStoreConfig;

/** Which keys a store of a type has and needs is checked elsewhere (checks/store-checks.ts). */
export const storeSchema = store.transform(({ type, max_size: maxSize, ...redis }): StoreConfig => {
  return type === "memory" ? { type, max_size: maxSize ?? 0 } : { type, ...redis };
});

/** A store in Redis with those keys, and with the defaults for others. Throws where a value is wrong. */
export function redisStore(keys: Omit<z.input<typeof store>, "type">): RedisStoreConfig {
  const { max_size: _ofMemory, ...redis } = store.parse({ ...keys, type: "redis" });
  return { ...redis, type: "redis" };
}
