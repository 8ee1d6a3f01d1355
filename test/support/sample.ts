/** Strides that meet each value of each dimension of a product, because no dimension is a multiple of them. */
const STRIDES = [1, 11, 13, 17, 19, 23, 29, 31, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79];

/** About so many of them, evenly over all; all, if they are fewer. Another `offset` takes others. */
export function sample<T>(items: readonly T[], count: number, offset = 0): T[] {
  const stride = STRIDES.find((candidate) => candidate * count >= items.length) ?? Math.ceil(items.length / count);
  return items.filter((_, index) => index % stride === offset % stride);
}
