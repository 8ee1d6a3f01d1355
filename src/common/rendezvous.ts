/**
 * A key's place in the order that belongs to a seed, in [0, 1): rendezvous hashing (Thaler and Ravishankar). A key
 * keeps its place whatever other keys come and go, and two processes with different seeds have unrelated orders.
 *
 * FNV-1a over the key, then MurmurHash3's finaliser, because FNV alone leaves similar keys close together.
 */
export function rank(seed: number, key: string): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x1_0000_0000;
}
