import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

/** A certificate with its private key, both as PEM. */
interface CertifiedKey {
  cert: string;
  key: string;
}

/** A certificate authority of one test run. */
export interface TestAuthority {
  /** The authority's own certificate, as PEM: the `ca` option of clients, and of servers that verify clients. */
  ca: string;
  /**
   * A server certificate for these names. Without any, it is valid for 127.0.0.1, ::1 and localhost.
   *
   * @param fromDays when it begins to be valid, in days from now, for 31 days. Default: yesterday.
   */
  server(names?: { dns?: string[]; ip?: string[] }, fromDays?: number): Promise<CertifiedKey>;
  /** A client certificate, for mutual TLS. Its key's algorithm: ECDSA by default. */
  client(commonName?: string, keyAlgorithm?: "ECDSA" | "RSA"): Promise<CertifiedKey>;
}

// Made anew in each run: certificates in the repository would expire one day, and every test with them.
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const rsa = {
  name: "RSASSA-PKCS1-v1_5",
  hash: "SHA-256",
  modulusLength: 2_048,
  publicExponent: new Uint8Array([1, 0, 1]),
};
const dayMs = 86_400_000;

export async function createTestAuthority(commonName = "connect-lb test authority"): Promise<TestAuthority> {
  x509.cryptoProvider.set(webcrypto as Crypto);
  const keys = await newKeys();
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name: `CN=${commonName}`,
    ...validity(),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });

  let serial = 1;
  async function issue(
    subject: string,
    usage: string,
    extensions: x509.Extension[],
    keyAlgorithm?: "ECDSA" | "RSA",
    fromDays?: number,
  ): Promise<CertifiedKey> {
    const leafKeys = await newKeys(keyAlgorithm);
    serial += 1;
    const leaf = await x509.X509CertificateGenerator.create({
      serialNumber: serial.toString(16).padStart(4, "0"),
      subject,
      issuer: root.subject,
      ...validity(fromDays),
      signingKey: keys.privateKey,
      publicKey: leafKeys.publicKey,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage]),
        ...extensions,
      ],
    });
    return { cert: leaf.toString("pem"), key: await privateKeyPem(leafKeys.privateKey) };
  }

  return {
    ca: root.toString("pem"),
    server(names, fromDays) {
      const { dns = [], ip = [] } = names ?? { dns: ["localhost"], ip: ["127.0.0.1", "::1"] };
      const alternatives = [
        ...dns.map((value) => ({ type: "dns" as const, value })),
        ...ip.map((value) => ({ type: "ip" as const, value })),
      ];
      // Only the alternative names count (RFC 9525 section 4.1), so the subject says nothing that could match.
      const extensions = [new x509.SubjectAlternativeNameExtension(alternatives)];
      return issue("CN=test server", x509.ExtendedKeyUsage.serverAuth, extensions, undefined, fromDays);
    },
    client: (name = "test client", keyAlgorithm) =>
      issue(`CN=${name}`, x509.ExtendedKeyUsage.clientAuth, [], keyAlgorithm),
  };
}

function newKeys(keyAlgorithm: "ECDSA" | "RSA" = "ECDSA"): Promise<CryptoKeyPair> {
  return webcrypto.subtle.generateKey(keyAlgorithm === "RSA" ? rsa : algorithm, true, [
    "sign",
    "verify",
  ]) as Promise<CryptoKeyPair>;
}

function validity(fromDays = -1) {
  const from = Date.now() + fromDays * dayMs;
  return { notBefore: new Date(from), notAfter: new Date(from + 31 * dayMs) };
}

async function privateKeyPem(key: CryptoKey): Promise<string> {
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key as never)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/(.{64})(?=.)/g, "$1\n")}\n-----END PRIVATE KEY-----\n`;
}
