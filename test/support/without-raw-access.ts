/**
 * Node's options for a process that may not look at what is inside Node: its sockets are used as they are, as on versions of Node that
 * work otherwise.
 */
export const WITHOUT_RAW_ACCESS = "--permission --allow-fs-read=* --allow-fs-write=* --allow-net --allow-worker --allow-addons";
