// Messages of the server: text is JSON; a binary one is a header and images.

const DECODER = new TextDecoder();

/** Header of a binary message, and its images as blobs by name. */
export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(DECODER.decode(new Uint8Array(buffer, 4, length)));
  const blobs = new Map();
  let place = 4 + length;
  for (const { name, mime, bytes } of header.images) {
    blobs.set(name, new Blob([new Uint8Array(buffer, place, bytes)], { type: mime }));
    place += bytes;
  }
  return { header, blobs };
}

/** The same images, decoded: what a canvas can draw. */
export async function decoded(blobs) {
  const entries = [...blobs].map(async ([name, blob]) => [name, await createImageBitmap(blob)]);
  return new Map(await Promise.all(entries));
}
