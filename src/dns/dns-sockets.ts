/** A DNS server: an IP address without brackets, with `%scope` where it is link-local. */
export interface DnsServer {
  readonly address: string;
  readonly port: number;
}

/** What a look-up needs of the runtime it runs on. None of it may hold the process: the call that waits does. */
export interface DnsSockets {
  /** For the ID of a message: uniform in [0, 65535], from a cryptographic source (RFC 5452 section 9.2). */
  messageId(): number;
  /**
   * Sends one query from a socket of its own, connected, on a fresh random port (RFC 5452 section 9.2): the system then
   * drops what comes from elsewhere, and reports a closed port at once.
   */
  udp(server: DnsServer, query: Uint8Array, listener: SocketListener): CloseSocket;
  /** Sends one query over a connection of its own, and hands out the messages that come back without their length. */
  tcp(server: DnsServer, query: Uint8Array, listener: SocketListener): CloseSocket;
  /**
   * Settles when what has already arrived was handed out. After a freeze, Node runs timers before it reads sockets, so
   * an answer that lies in the socket's buffer would lose against its own timeout.
   */
  drain(): Promise<void>;
}

/** Never called before the socket function has returned, nor after the socket was closed. */
export interface SocketListener {
  onMessage(message: Uint8Array): void;
  /** No message will come any more. */
  onError(error: Error): void;
}

/** May be called more than once. */
export type CloseSocket = () => void;
