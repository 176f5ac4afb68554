/**
 * Options of Node that deny access to Node's internals. Sockets are then used as Node's streams instead of raw handles, as on versions of Node whose
 * internals are different.
 */
export const WITHOUT_RAW_ACCESS = "--permission --allow-fs-read=* --allow-fs-write=* --allow-net --allow-worker --allow-addons";
