/** TLS as Node's `tls.connect` takes it: PEM text or bytes. */
export interface TlsOptions {
  /** The only certificate authorities to trust. Default: the system's. */
  ca?: string | Uint8Array | (string | Uint8Array)[];
  /** Client certificate chain, for mutual TLS; needs `key`. Default: none. */
  cert?: string | Uint8Array;
  /** Private key of `cert`. Default: none. */
  key?: string | Uint8Array;
  /**
   * The name to verify in certificates. "target" verifies each server's own name (the SRV target), which is only as
   * safe as `targetSuffixes`: DNS is not authenticated. Default: the name in the target.
   */
  serverName?: string;
  /**
   * With `serverName: "target"`: only SRV targets inside these domains are used. Each has two labels or more. Default:
   * the name in the target.
   */
  targetSuffixes?: string[];
}
