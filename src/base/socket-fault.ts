/** Why a connect to a Unix socket failed, for people; null: the code says something else. @param code the system's name of the error */
export function socketFaultInWords(code: string): string | null {
  switch (code) {
    case "ENOENT":
      return "there is no such socket";
    case "EACCES":
      return "the user of the proxy may not connect to this socket";
    case "ECONNREFUSED":
      return "nothing listens on this socket";
    case "EAGAIN":
      return "the socket's queue of connections is full";
    case "ENOTDIR":
      return "a part of the path is no folder";
    default:
      return null;
  }
}
