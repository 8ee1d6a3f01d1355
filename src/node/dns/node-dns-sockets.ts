import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import type { DnsSockets } from "../../dns/dns-sockets.ts";
import { twoTurns } from "../event-loop.ts";
import { LARGE_BYTES, oneATurn } from "../one-a-turn.ts";
import { openDnsOverTcp } from "./dns-over-tcp.ts";

/** UDP and TCP as Node has them. Every handle is unref'd: the call that waits for the look-up holds the process. */
export const nodeDnsSockets: DnsSockets = {
  // Not the global `crypto`, Web Crypto, which Node loads for its first use.
  messageId: () => randomInt(0x1_0000),
  udp(server, query, listener) {
    const socket = createSocket(server.address.includes(":") ? "udp6" : "udp4").unref();
    let isOpen = true;
    const fail = (error: Error) => {
      // The listener stays on a closed socket, so that a late error is not an uncaught one.
      if (isOpen) listener.onError(error);
    };
    socket.on("error", fail);
    socket.on("message", (message) => {
      const deliver = () => isOpen && listener.onMessage(message);
      if (message.length < LARGE_BYTES) deliver();
      else oneATurn(deliver);
    });
    socket.on("connect", () => {
      // By the time it is sent, the exchange may have ended.
      if (isOpen) socket.send(query, (error) => error && fail(error));
    });
    socket.connect(server.port, server.address);
    return () => {
      if (isOpen) socket.close();
      isOpen = false;
    };
  },
  tcp: openDnsOverTcp,
  // After a freeze the loop runs the timers, then this phase, and the sockets between it and the next one.
  drain: twoTurns,
};
