/** Where a server runs, and what its configuration has to say. */
export interface Place {
  readonly directory: string;
  readonly port: number;
  /** Servers that would give up root are told to stay who they are. */
  readonly user: string;
}

/** A DNS server: how its configuration is written and how it is started. Everything else is the same for all. */
export interface Program<Data> {
  readonly name: string;
  /** A program on the PATH, or the tool of that name in test/go-tools. */
  readonly command: string;
  /** What has to be installed for it. */
  readonly debianPackage: string;
  /** How running servers take up other data. Default: they have to be started again. */
  readonly reload?: "SIGHUP" | "by itself";
  configure(place: Place, data: Data): Configuration;
}

export interface Configuration {
  readonly args: readonly string[];
  /** By name, in the server's directory. */
  readonly files: Readonly<Record<string, string>>;
  /** TargetResolvers that the server does not make itself. */
  readonly folders?: readonly string[];
}

/** The records of `ZONE` that an authority serves. */
export type Authority = Program<readonly string[]>;

/** Ports on 127.0.0.1 of the servers that a forwarder asks. */
export interface Upstreams {
  /** For all names but those of `MUTE_ZONE`. */
  readonly authority: number;
  /** Takes questions, and never answers. */
  readonly mute: number;
}

/** Recursive resolvers and proxies, which ask others. */
export type Forwarder = Program<Upstreams>;
