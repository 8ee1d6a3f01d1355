/** A message with a few bits or bytes changed, cut, or joined to another one. */
export function mutate(seed: Buffer, seeds: readonly Buffer[], random: (below: number) => number): Buffer {
  const message = Buffer.from(seed);
  switch (random(4)) {
    case 0: // flipped bits
      for (let n = random(3); n >= 0; n--) message[random(message.length)]! ^= 1 << random(8);
      return message;
    case 1: // bytes with a meaning
      for (let n = random(3); n >= 0; n--) {
        message[random(message.length)] = [0, 1, 0x3f, 0x40, 0xc0, 0xff, random(256)][random(7)] as number;
      }
      return message;
    case 2: // cut
      return message.subarray(0, random(message.length));
    default: {
      const other = seeds[random(seeds.length)] as Buffer;
      return Buffer.concat([message.subarray(0, random(message.length)), other.subarray(random(other.length))]);
    }
  }
}

/** Whole numbers below a limit, from a seed; George Marsaglia's generator. */
export function xorshift(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
