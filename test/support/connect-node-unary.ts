import { ConnectNodeExchanges } from "../../src/node/connect-node/connect-node-exchanges.ts";
import { type Calls, connectNodeTransport } from "../../src/node/connect-node/connect-node-transport.ts";
import type { Http2Sessions } from "../../src/node/http2/http2-sessions.ts";
import type { UnaryClient, UnaryClientOptions, UnaryEndpoint } from "../../src/node/unary/unary-client.ts";

/** Stands in for `UnaryClient`: the same calls over the same connections, by connect-node. */
export class ConnectNodeUnary implements Pick<UnaryClient, "over"> {
  readonly #options: UnaryClientOptions;

  constructor(options: UnaryClientOptions) {
    this.#options = options;
  }

  over({ baseUrl, connections }: UnaryEndpoint): Calls["unary"] {
    const over = connections as Http2Sessions;
    return connectNodeTransport({ ...this.#options, baseUrl, exchanges: new ConnectNodeExchanges(), over }).unary;
  }
}
