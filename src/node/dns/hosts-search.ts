import { isIP } from "node:net";
import type { AddressRecord } from "../../dns/dns-client.ts";
import { canonicalName } from "../../dns/name.ts";
import { canonicalIp } from "../../net/ip-address.ts";

/** The file has no TTL; this says how soon a change of it shows. */
const TTL_SECONDS = 60;
/** Nobody balances over more; a file that repeats one name must not fill the memory. */
const MOST_ADDRESSES = 1_000;
/** No name is longer; what is longer is not kept from one piece to the next. */
const LONGEST_WORD = 255;

/**
 * Searches a hosts file for names, piece by piece, in the format of hosts(5): an address and its names in a line, blanks
 * between them, and a comment from "#" on. Of the other lines nothing is kept.
 */
export class HostsSearch {
  readonly #found: ReadonlyMap<string, Map<string, AddressRecord>>;
  /** A word at the end of the last piece, which may go on in the next one. */
  #rest = "";
  /** Of the line, once it is known. */
  #address: string | undefined;
  /** The rest of the line is a comment, or belongs to no address. */
  #isSkipping = false;
  #isFirst = true;

  /** @param names canonical. */
  constructor(names: Iterable<string>) {
    this.#found = new Map(Array.from(names, (name) => [name, new Map()]));
  }

  /** @param piece its bytes as characters (latin1): what is searched for is ASCII. */
  read(piece: string): void {
    const text = this.#rest + piece;
    const end = lastBorder(text) + 1;
    this.#words(text.slice(0, end));
    // Of a longer one, the end may be forgotten: it stays too long for a name.
    this.#rest = text.slice(end, end + LONGEST_WORD + 1);
  }

  /** The addresses of each name, in the order of the lines. */
  end(): ReadonlyMap<string, readonly AddressRecord[]> {
    this.#words(this.#rest);
    return new Map(Array.from(this.#found, ([name, records]) => [name, [...records.values()]]));
  }

  #words(text: string): void {
    const words = /[\n#]|[^ \t\r\v\f\n#]+/g;
    for (let match = words.exec(text); match !== null; match = words.exec(text)) {
      const [word] = match;
      if (word === "\n") {
        this.#address = undefined;
        this.#isSkipping = false;
        continue;
      }
      if (word === "#") this.#isSkipping = true;
      else if (!this.#isSkipping) this.#word(this.#isFirst ? withoutMark(word) : word);
      this.#isFirst = false;
      if (!this.#isSkipping) continue;
      const next = text.indexOf("\n", words.lastIndex);
      words.lastIndex = next < 0 ? text.length : next;
    }
  }

  #word(word: string): void {
    if (word === "") return;
    if (this.#address === undefined) {
      // What the address is worth is looked at where a name of the line is searched for.
      this.#address = word;
      this.#isSkipping = !/^[0-9a-f:.]{2,45}$/i.test(word);
      return;
    }
    const records = this.#found.get(canonicalName(word));
    if (records === undefined || records.size >= MOST_ADDRESSES) return;
    const address = isIP(this.#address) === 0 ? undefined : canonicalIp(this.#address);
    if (address !== undefined) records.set(address, { address, ttlSeconds: TTL_SECONDS });
  }
}

/** Some editors put a mark at the start of UTF-8. */
function withoutMark(word: string): string {
  return word.replace(/^\u00ef\u00bb\u00bf/, "");
}

/** Where the last character is that ends a word; -1 without one. */
function lastBorder(text: string): number {
  let at = text.length - 1;
  while (at >= 0 && !" \t\r\v\f\n#".includes(text[at] as string)) at--;
  return at;
}
